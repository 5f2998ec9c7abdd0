"""The bare wire to a gateway, for tests of what no client library would send."""
import socket
import struct
import sys

port = 0  # of the gateway on 127.0.0.1; set by whoever imports this


def connect():
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def frame(key, version, body, client=b"t"):
    head = struct.pack(">hhih", key, version, 7, len(client)) + client
    return struct.pack(">i", len(head) + len(body)) + head + body


def read_answer(s):
    """One answer with its length, or None where the connection closes."""
    data = b""
    try:
        while len(data) < 4 or len(data) < 4 + struct.unpack(">i", data[:4])[0]:
            got = s.recv(1 << 16)
            if not got:
                return None
            data += got
    except ConnectionResetError:
        return None
    return data


def closes(what, data):
    with connect() as s:
        try:
            s.sendall(data)
            if s.recv(1) != b"":
                sys.exit(f"{what}: an answer where the connection should close")
        except (ConnectionResetError, BrokenPipeError):
            pass


def answers(what, data, count=1):
    with connect() as s:
        s.sendall(data)
        got = b""
        while count:
            part = s.recv(1 << 16)
            if not part:
                sys.exit(f"{what}: closed")
            got += part
            while count and len(got) >= 4 and len(got) >= 4 + struct.unpack(">i", got[:4])[0]:
                got = got[4 + struct.unpack(">i", got[:4])[0]:]
                count -= 1
        if got:
            sys.exit(f"{what}: more answers than requests")
