# SPDX-License-Identifier: MIT
# A peer of the echo service whose connection is handed over all the while: chimney_peer.py HOST BYTES STOP. Sends random bytes in pieces of all
# sizes and receives them again, at a pace that lets the hand-overs meet data, silence and full windows; goes on in small pieces until
# there is a file of the name STOP; half-closes; says "ok" and how many bytes it was.
import hashlib
import os
import random
import socket
import sys
import threading
import time

host, total, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
peer = socket.create_connection((host, 7), timeout=120)
block = os.urandom(1 << 20)
sent, got, count, went = hashlib.sha256(), hashlib.sha256(), 0, 0
dice = random.Random(7)


def put(part):
    global went
    peer.sendall(part)
    sent.update(part)
    went += len(part)


def send():
    while went < total:
        put(block[: min(total - went, dice.choice((1, 100, 1448, 20000, 300000, len(block))))])
        if dice.random() < 0.02:
            time.sleep(0.005)
    while not os.path.exists(stop):
        put(block[: dice.choice((1, 100, 1448, 20000))])
        time.sleep(0.002)
    peer.shutdown(socket.SHUT_WR)


sender = threading.Thread(target=send)
sender.start()
while True:
    part = peer.recv(dice.choice((1000, 65536, 1 << 20)))
    if not part:
        break
    got.update(part)
    count += len(part)
    if dice.random() < 0.01:
        time.sleep(0.01)
sender.join()
if count != went or sent.digest() != got.digest():
    sys.exit(f"sent {went} bytes, got {count}, {'the same' if sent.digest() == got.digest() else 'different'}")
print("ok", count)
