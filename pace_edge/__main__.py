"""python -m pace_edge"""

from pace_edge.cli import main

main()
