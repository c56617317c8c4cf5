# commands.py pcs|crm: runs many commands of one of these tools, each in a process of its own that has the tool loaded
# already, because loading takes far longer than most commands. Reads a JSON list of argument lists, prints a JSON
# list of [exit code, stdout, stderr].
import json
import os
import sys
import tempfile

tool = sys.argv[1]
if tool == "pcs":
    from pcs import app
else:
    from crmsh import log
    log.setup_logging()
    from crmsh import main


def command(arguments):
    sys.argv = [tool] + arguments
    if tool == "pcs":
        app.main(arguments)
        return 0
    return main.run()


results = []
for arguments in json.load(sys.stdin):
    files = [tempfile.TemporaryFile() for _ in range(2)]
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number + 1)
        code = 1
        try:
            code = command(arguments) or 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = []
    for file in files:
        file.seek(0)
        texts.append(file.read().decode())
    results.append([status] + texts)
json.dump(results, sys.stdout)
