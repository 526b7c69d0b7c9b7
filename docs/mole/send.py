"""Sends the captured datagrams once more, from host a to host b of the lab."""

import socket

end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.bind(("192.0.2.1", 7007))
for line in open("dump.txt"):
    end.sendto(bytes.fromhex(line), ("192.0.2.2", 7007))
