# Runs the real aws for tests, many times and loaded once: starting it costs more than what it does.
# Each call is a fork of this process, with the caller's streams, variables, folder and arguments.
import json, os, signal, socket, sys
import awscli.clidriver, awscli.handlers, awscli.customizations.s3.s3

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
# Where its own files are, which loading it has written down.
known = os.environ["AWS_DATA_PATH"]
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
door.listen(64)
print("ready", flush=True)
while True:
    caller, _ = door.accept()
    if os.fork():
        caller.close()
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, streams, _, _ = socket.recv_fds(caller, 1 << 16, 3)
    while not text.endswith(b"\n"):
        text += caller.recv(1 << 16)
    call = json.loads(text)
    for to, stream in enumerate(streams):
        os.dup2(stream, to)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["variables"], AWS_DATA_PATH=known)
    sys.argv = ["aws", *call["arguments"]]
    try:
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(str(code or 0).encode())
    os._exit(0)
