#!/usr/bin/env python3
"""An audit server for one run: server.py tcp|udp PORT FOLDER. Writes each message's XML to FOLDER/NN.xml and a line
`event type exam` to FOLDER/log; a message that is no syslog message of PS3.15 ends it with an error in FOLDER/log."""

import re
import socket
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HEADER = re.compile(
    rb"<85>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]+ sonograde \d+ DICOM\+RFC3881 - \xef\xbb\xbf(<\?xml.*)", re.DOTALL
)


def take(folder, number, message):
    xml = HEADER.fullmatch(message)
    assert xml, message
    (folder / f"{number:02}.xml").write_bytes(xml[1])
    root = ElementTree.fromstring(xml[1])
    event = root.find("EventIdentification")
    kind = event.find("EventTypeCode")
    objects = root.findall("ParticipantObjectIdentification")
    exams = [o.findtext("ParticipantObjectName") for o in objects if o.get("ParticipantObjectTypeCodeRole") == "3"]
    log = [event.find("EventID").get("csd-code"), "-" if kind is None else kind.get("csd-code"), *exams]
    with (folder / "log").open("a") as file:
        print(*log, file=file)


def octets(stream):
    """The messages of one connection, RFC 6587 3.4.1."""
    data = b""
    while more := stream.recv(65536):
        data += more
    while data:
        length, data = data.split(b" ", 1)
        message, data = data[: int(length)], data[int(length) :]
        assert len(message) == int(length), "a message was cut off"
        yield message


def main():
    kind, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    number = 0
    if kind == "udp":
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", port))
        while True:
            take(folder, number, server.recv(65536))
            number += 1
    server = socket.create_server(("127.0.0.1", port))
    while True:
        stream, _ = server.accept()
        for message in octets(stream):
            take(folder, number, message)
            number += 1
        stream.close()


main()
