"""The live page and its API: `pace-edge listen --web`. Needs the extra [web].

The listening loop hands over references and goes on; all else here runs in threads of its own. In the order of reading:

server.py    the sink that the listener writes to, and the web server's thread; protocol.py its patience
hub.py       the last minute, and one bounded queue for each page that is open; scores.py counts the last hour
tape.py      the last minute's sound; mel.py, painter.py and studio.py draw it as the model hears it
desk.py      teaching, one thing after the other, in one thread
controls.py  what can be set while it listens, and kept for the next start
app.py       what all calls share; guard.py, limits.py and tokens.py stand before it
routes.py    the table of the API, of call.py's Calls; asked.py, answers.py and answers_live.py say what goes in and
             comes out, and openapi.py describes it; the handlers are in live.py, teaching.py, classes.py, setting.py,
             looking.py and door.py
"""
