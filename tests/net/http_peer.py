# SPDX-License-Identifier: MIT
# A peer of tdihttpd for what curl and nc do not do: http_peer.py HOST WHAT [NUMBER]. Says "ok", or what went wrong.
#   many N     N connections at one time: all are opened before the first asks; each asks twice on its connection
#   pipeline N N requests for files of different lengths in one send; the replies come in order, whole
#   raw        requests that must be refused, and how; what must not be reached
#   linger     a reply with its FIN comes whole although the peer goes on sending; the peer's bytes meet no reset
#   broken     uploads that break off leave nothing: no file, no part of one
#   late       (with a timeout of 2 s) a connection that asks nothing is closed in order, a head that comes byte by byte gets 408
#   slow       a peer that asks and does not read costs the others nothing
import hashlib
import os
import selectors
import socket
import sys
import time

host, what = sys.argv[1], sys.argv[2]
number = int(sys.argv[3]) if len(sys.argv) > 3 else 0
get = f"GET /%s HTTP/1.1\r\nHost: {'[' + host + ']' if ':' in host else host}\r\n\r\n"


def connect():
    return socket.create_connection((host, 80), timeout=50)


def body_of(name):  # what http_test.sh made: files small/N of N bytes
    return (b"%d." % name * (name // 2 + 1))[:name]


def take(peer, left=b""):
    """One reply: its status, its body, and what came behind it."""
    while b"\r\n\r\n" not in left:
        part = peer.recv(65536)
        if not part:
            raise EOFError(f"the connection ended in a head: {left!r}")
        left += part
    head, left = left.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    while len(left) < length:
        part = peer.recv(65536)
        if not part:
            raise EOFError("the connection ended in a body")
        left += part
    return int(head.split()[1]), left[:length], left[length:]


def many():
    peers = []
    for _ in range(number):
        peers.append(connect())
    for turn in range(2):
        for i, peer in enumerate(peers):
            peer.sendall((get % f"small/{i % 100}").encode())
        for i, peer in enumerate(peers):
            status, body, rest = take(peer)
            if status != 200 or body != body_of(i % 100) or rest:
                sys.exit(f"connection {i}, request {turn}: {status}, {len(body)} bytes, {len(rest)} behind them")
    for peer in peers:
        peer.close()


def pipeline():
    peer = connect()
    names = [(i * 37) % 100 for i in range(number)]
    peer.sendall("".join(get % f"small/{name}" for name in names).encode())
    left = b""
    for i, name in enumerate(names):
        status, body, left = take(peer, left)
        if status != 200 or body != body_of(name):
            sys.exit(f"reply {i}: {status}, {len(body)} bytes for a file of {name}")
    if left:
        sys.exit(f"{len(left)} bytes behind the last reply")


def raw():
    cases = [
        ("GET /../secret HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /%2e%2e/secret HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /..%5csecret HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /%2fetc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /link HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        ("GET /way/out HTTP/1.1\r\nHost: a\r\n\r\n", 403),
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /small HTTP/1.1\r\nHost: a\r\n\r\n", 301),
        ("GET /small/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("PUT /x HTTP/1.1\r\nHost: a\r\n\r\n", 411),
        ("PUT /no/such/place HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 409),
        ("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Range: bytes 0-0/2\r\n\r\nx", 400),
        ("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
        ("GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET /" + "a/" * 1000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 3000 + "\r\n", 431),
        (f"PUT /chunks{len(host)} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nT: u\r\n\r\n", 201),
        (f"GET /chunks{len(host)} HTTP/1.1\r\nHost: a\r\n\r\n", 404),  # uploads are no part of the root
    ]
    for text, wanted in cases:
        peer = connect()
        peer.sendall(text.encode())
        status, body, _ = take(peer)
        if status != wanted or b"TOP" in body:
            sys.exit(f"{text[:60]!r}: {status} in place of {wanted}: {body[:60]!r}")
        peer.close()


def linger():
    peer = connect()
    peer.sendall(b"GET /megabyte HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + b"x" * 300000)
    time.sleep(0.2)
    peer.sendall(b"y" * 300000)
    status, body, rest = take(peer)
    if status != 200 or len(body) != 1 << 20:
        sys.exit(f"{status}, {len(body)} bytes")
    peer.sendall(b"z" * 1000)
    if rest or peer.recv(1):
        sys.exit("something behind the reply")
    peer.shutdown(socket.SHUT_WR)
    if peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        sys.exit("a reset")


def broken():
    for text in (b"Content-Length: 1000000", b"Transfer-Encoding: chunked"):
        peer = connect()
        peer.sendall(b"PUT /broken HTTP/1.1\r\nHost: a\r\n" + text + b"\r\n\r\n1000\r\n" + b"x" * 3000)
        time.sleep(0.2)
        peer.close()
        peer = connect()
        peer.sendall(b"PUT /broken HTTP/1.1\r\nHost: a\r\n" + text + b"\r\n\r\n1000\r\n" + b"x" * 3000)
        time.sleep(0.2)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()


def late():
    quiet, trickle = connect(), connect()
    trickle.sendall(b"GET / HTTP/1.1\r\nX: ")
    trickle.settimeout(0.3)
    for _ in range(50):
        try:
            if trickle.recv(12) == b"HTTP/1.1 408":
                break
            sys.exit("another answer than 408")
        except TimeoutError:
            trickle.sendall(b"x")
    else:
        sys.exit("a head may take for ever")
    if quiet.recv(1):
        sys.exit("bytes for nothing")


def slow():
    sleepers = [connect() for _ in range(20)]
    for peer in sleepers:
        peer.sendall((get % "megabyte").encode() * 8)
    quick = connect()
    for i in range(100):
        quick.sendall((get % f"small/{i}").encode())
        if take(quick)[1] != body_of(i):
            sys.exit(f"request {i}")
    for peer in sleepers[:10]:
        left, digest = b"", set()
        for _ in range(8):
            status, body, left = take(peer, left)
            digest.add(hashlib.sha256(body).digest())
        if len(digest) != 1:
            sys.exit("a slow reader got different bytes")
    for peer in sleepers:  # ten of them with megabytes on the way
        peer.close()


{"many": many, "pipeline": pipeline, "raw": raw, "linger": linger, "broken": broken, "late": late, "slow": slow}[what]()
print("ok")
