// Clients that look and then do nothing: they never answer, or answer without ever reading. Each is hung up on and comes again.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";

const ANSWER = Buffer.from([0x81, 0x84, 0, 0, 0, 0, ...Buffer.from("next")]);

/** Stalls until `stop` says so; counts in `stop.times` how often it was hung up on. */
export function stall(url, answers, stop) {
  const { hostname, port, host } = new URL(url);
  const socket = connect(port, hostname);
  let asking;
  socket.on("connect", () => {
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET /api/v1/live HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    // Nothing is read from here on: what the server sends stays in the system's buffers, until there is no room in them.
    socket.pause();
    if (answers) asking = setInterval(() => socket.write(ANSWER), 20);
    // A socket that is not read from does not hear that it was closed.
    setTimeout(() => socket.destroy(), answers ? 15_000 : 6_000);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(asking);
    stop.times += 1;
    if (!stop.over) setTimeout(() => stall(url, answers, stop), 50);
  });
}
