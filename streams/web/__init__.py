"""The live page and its API: `pace-edge listen --web`. Needs the extra [web].

The listening loop hands over references and goes on; everything else here runs in threads of its own.

server.py    the sink that the listener writes to, and the web server's thread
hub.py       the last minute, and one bounded queue for each page that is open
tape.py      the last minute's sound;  mel.py and painter.py draw it as the model hears it
desk.py      teaching, one thing after the other, in one thread
controls.py  what can be set while it listens, and kept for the next start
routes.py    the table of the API;  app.py, guard.py, openapi.py are made from it or stand before it
"""
