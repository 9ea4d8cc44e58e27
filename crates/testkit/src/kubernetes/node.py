"""Plays one node of a cluster: what a kubelet would say about pods, told by the tag of their image.

No container ever runs. A pod becomes Running and ready, unless the tag of its first image says
otherwise: `…missing` is never pulled, `…crashing` ends again and again, `…unready` never passes its
probe, `…failing` ends with an error (in a Job), `…slow` waits until the file `go` is in the folder.
What follows a dot is a namespace, and it is so in that one alone: `…missing.production`.
While the file `no-registry` is there, an image that was not pulled before in its namespace is not pulled
either, for the reason that the file holds, or because nobody answers.
Logs are served as a kubelet serves them, so that `kubectl logs` has something to show.

What a Job's container calls is truly run, without a container, where a program of that name is in
the folder `programs`: with its arguments, and with IMAGE and NAMESPACE in its environment.

    node.py FOLDER API-ADDRESS     with api.crt, token, node.crt and node.key in FOLDER
"""

import http.client
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

FOLDER, API = sys.argv[1:3]
NAME = "node-1"
# Pods as last seen, by namespace and name: the log server looks at them.
SEEN = {}
# Programs of Jobs, by the uid of their pod.
RUNS = {}


def inside(name):
    return os.path.join(FOLDER, name)


class Api:
    """Requests over one connection, made again when the server went away meanwhile."""

    def __init__(self):
        self.host = urllib.parse.urlparse(API).netloc
        self.trust = ssl.create_default_context(cafile=inside("api.crt"))
        self.token = open(inside("token")).read().strip()
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        """Returns the status and the answer; None and None while nobody answers."""
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": kind}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.host, context=self.trust, timeout=10)
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read() or "{}")
        except (OSError, http.client.HTTPException, ValueError):
            self.connection = None
            return None, None


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Logs(http.server.BaseHTTPRequestHandler):
    """GET /containerLogs/NAMESPACE/POD/CONTAINER"""

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        parts = url.path.strip("/").split("/")
        pod = SEEN.get("/".join(parts[1:3])) if parts[0] == "containerLogs" else None
        self.send_response(200 if pod else 404)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        if not pod:
            return
        run = RUNS.get(pod["metadata"]["uid"])
        if run:
            self.show(run, "follow=true" in url.query)
            return
        tag = tag_of(pod)
        say = lambda text: (self.wfile.write((text + "\n").encode()), self.wfile.flush())
        say("starting " + image_of(pod))
        if "crashing" in tag:
            say("ERROR: cannot read /etc/app/config.json")
        if "failing" in tag:
            say("column \"paid\" exists already")
        if "slow" in tag and "follow=true" in url.query:
            # Ends with the container, as a kubelet's does.
            while not os.path.exists(inside("go")) and "/".join(parts[1:3]) in SEEN:
                time.sleep(0.05)
        if is_job(pod) and "failing" not in tag:
            say("done")

    def show(self, run, follows):
        """Shows what a program has written, to its end where that is asked for."""
        with open(run.log, "rb") as lines:
            while True:
                ended = run.poll() is not None
                self.wfile.write(lines.read())
                self.wfile.flush()
                if ended or not follows:
                    return
                time.sleep(0.05)


class Run(subprocess.Popen):
    """The program of a Job's container. It ends with this node."""

    def __init__(self, pod, program):
        meta = pod["metadata"]
        self.log = inside("run-%s.log.txt" % meta["uid"])
        environment = dict(os.environ, IMAGE=image_of(pod), NAMESPACE=meta["namespace"])
        words = ["setpriv", "--pdeathsig", "KILL", program] + pod["spec"]["containers"][0]["command"][1:]
        with open(self.log, "wb") as log:
            super().__init__(words, cwd=inside("programs"), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def program_of(pod):
    """The program that a Job's container calls, where there is one."""
    command = pod["spec"]["containers"][0].get("command") if is_job(pod) else None
    path = os.path.join(inside("programs"), os.path.basename(command[0])) if command else ""
    return path if os.path.isfile(path) else None


def image_of(pod):
    return pod["spec"]["containers"][0]["image"]


def tag_of(pod):
    """The tag of its first image, without what is so in another namespace alone."""
    tag = image_of(pod).rpartition(":")[2]
    version, _, ill = tag.partition("-")
    place = ill.rpartition(".")[2] if "." in ill else None
    return version if place and place != pod["metadata"]["namespace"] else tag


def is_job(pod):
    return any(owner["kind"] == "Job" for owner in pod["metadata"].get("ownerReferences", []))


def ended_with(code):
    """Phase and container of a pod whose only container has ended."""
    ended = {"exitCode": code, "reason": "Error" if code else "Completed", "startedAt": now(), "finishedAt": now()}
    return "Failed" if code else "Succeeded", {"state": {"terminated": ended}, "ready": False, "restartCount": 0}


class Node:
    def __init__(self, api, port):
        self.api, self.port, self.pods, self.count = api, port, {}, 0
        self.pulled = set()

    def register(self):
        """Waits for the API server and says that there is a node with room."""
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME}}}
        while self.api.ask("POST", "/api/v1/nodes", body)[0] not in (201, 409):
            time.sleep(0.05)
        room = {"cpu": "4", "memory": "8Gi", "pods": "100"}
        status = {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "is played", "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
        }
        path = "/api/v1/nodes/%s/status" % NAME
        while self.api.ask("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")[0] != 200:
            time.sleep(0.05)

    def look(self):
        """Plays each pod of the node one moment further."""
        status, found = self.api.ask("GET", "/api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3D" + NAME)
        if status != 200:
            return
        there = set()
        for pod in found["items"]:
            meta = pod["metadata"]
            there.add(meta["uid"])
            SEEN[meta["namespace"] + "/" + meta["name"]] = pod
            if meta.get("deletionTimestamp"):
                gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
                self.api.ask("DELETE", "/api/v1/namespaces/%(namespace)s/pods/%(name)s" % meta, gone)
            elif pod["status"].get("phase") not in ("Succeeded", "Failed"):
                self.play(pod)
        self.pods = {uid: state for uid, state in self.pods.items() if uid in there}
        for key in [key for key, pod in SEEN.items() if pod["metadata"]["uid"] not in there]:
            del SEEN[key]
        for uid in [uid for uid in RUNS if uid not in there]:
            RUNS.pop(uid).kill()

    def play(self, pod):
        tag, image = tag_of(pod), image_of(pod)
        state = self.pods.setdefault(pod["metadata"]["uid"], {"since": time.time(), "said": None, "told": set()})
        age = time.time() - state["since"]
        if "ip" not in state:
            self.count += 1
            state["ip"] = "10.1.%d.%d" % (self.count // 250, self.count % 250 + 1)
        running = {"running": {"startedAt": now()}}
        phase, container = "Running", {"state": running, "ready": True, "restartCount": 0}
        pulled = (pod["metadata"]["namespace"], image)
        if os.path.exists(inside("no-registry")) and pulled not in self.pulled:
            why = open(inside("no-registry")).read().strip() or "connection refused"
        else:
            why = "manifest unknown" if "missing" in tag else None
        program = program_of(pod)
        if why:
            reason, message = "ErrImagePull", "%s cannot be pulled: %s" % (image, why)
            if age > 0.3:
                reason, message = "ImagePullBackOff", 'Back-off pulling image "%s"' % image
            self.event(pod, state, "Failed", 'Failed to pull image "%s": %s' % (image, why))
            phase, container = "Pending", {"state": {"waiting": {"reason": reason, "message": message}}, "ready": False, "restartCount": 0}
        elif program:
            run = RUNS.get(pod["metadata"]["uid"])
            if not run:
                # It is seen to run before it is seen to have ended.
                RUNS[pod["metadata"]["uid"]] = Run(pod, program)
            elif run.poll() is not None:
                phase, container = ended_with(run.returncode)
        elif "crashing" in tag:
            # Up for a moment, then in its back-off, and again.
            count, within = divmod(age, 1.0)
            ended = {"terminated": {"exitCode": 2, "reason": "Error", "startedAt": now(), "finishedAt": now()}}
            container = {"state": running, "ready": False, "restartCount": int(count)}
            if within > 0.2:
                waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
                container = {"state": {"waiting": waiting}, "ready": False, "restartCount": int(count) + 1}
            if container["restartCount"]:
                container["lastState"] = ended
            self.event(pod, state, "BackOff", "Back-off restarting failed container")
        elif "unready" in tag:
            container["ready"] = False
            self.event(pod, state, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        elif "slow" in tag and not os.path.exists(inside("go")):
            container["ready"] = False
        elif is_job(pod) and state["said"]:
            phase, container = ended_with(1 if "failing" in tag else 0)
        if not why:
            self.pulled.add(pulled)
        # What changes; the times in it do not count.
        key = json.dumps([phase, list(container["state"]), container["state"].get("waiting"), container["ready"], container["restartCount"]])
        if key == state["said"]:
            return
        all_containers = [dict(container, name=each["name"], image=each["image"], imageID="") for each in pod["spec"]["containers"]]
        ready = "True" if container["ready"] else "False"
        conditions = [
            {"type": "Initialized", "status": "True", "lastTransitionTime": now()},
            {"type": "Ready", "status": ready, "lastTransitionTime": now()},
            {"type": "ContainersReady", "status": ready, "lastTransitionTime": now()},
        ]
        status = {"phase": phase, "conditions": conditions, "containerStatuses": all_containers, "podIP": state["ip"], "podIPs": [{"ip": state["ip"]}], "startTime": now()}
        path = "/api/v1/namespaces/%(namespace)s/pods/%(name)s/status" % pod["metadata"]
        if self.api.ask("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")[0] == 200:
            state["said"] = key
            if "running" in container["state"]:
                self.event(pod, state, "Started", "Started container", "Normal")

    def event(self, pod, state, reason, message, kind="Warning"):
        if reason in state["told"]:
            return
        state["told"].add(reason)
        meta = pod["metadata"]
        body = {
            "metadata": {"name": "%s.%s" % (meta["name"], reason.lower()), "namespace": meta["namespace"]},
            "involvedObject": {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"], "apiVersion": "v1"},
            "reason": reason, "message": message, "type": kind, "count": 1,
            "firstTimestamp": now(), "lastTimestamp": now(), "source": {"component": "kubelet", "host": NAME},
        }
        self.api.ask("POST", "/api/v1/namespaces/%s/events" % meta["namespace"], body)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Logs)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(inside("node.crt"), inside("node.key"))
    server.socket = secure.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    node = Node(Api(), server.server_port)
    node.register()
    while True:
        node.look()
        time.sleep(0.1)


main()
