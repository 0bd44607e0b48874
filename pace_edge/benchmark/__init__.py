"""The benchmark: methods of continual learning compared on sets of sounds (torch).

Read in this order. Sets: sets, published, manifests, download, plans. One run: method (the contract; ours are in
methods/), sources, features, learning, running, records. All runs: jobs, programme, availability. The report:
report_runs, report_groups, compare, report_statistics, report_verdicts, report_tables, report_paper, report_beside,
report_figures, report_pictures, report_page, report_html, report.
"""
