import json, os, socket, sys

call = {"arguments": sys.argv[1:], "folder": os.getcwd(), "variables": dict(os.environ)}
with socket.socket(socket.AF_UNIX) as door:
    door.connect(DOOR)
    text = json.dumps(call).encode() + b"\n"
    sent = socket.send_fds(door, [text], [0, 1, 2])
    door.sendall(text[sent:])
    code = door.recv(16)
sys.exit(int(code or b"70"))
