// The connection to the server: says when it is silent, and comes back by itself.

const SILENCE_MS = 500; // the server speaks at least every 200 ms
const HANG_UP_MS = 3000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;

/** Goes to the login where the session is over; a browser does not say why a WebSocket closed. */
async function toLogin() {
  const answer = await fetch("/api/v1/state").catch(() => null);
  if (answer?.status === 401) location.href = "/login";
}

/**
 * Keeps a connection for as long as the page lives. `on.picture` (a Blob) may give a promise: the server sends the
 * next batch only once that and the state were dealt with, so that nothing old ever waits on the way.
 */
export function connect(on) {
  let socket;
  let heard;
  let wait = FIRST_WAIT_MS;
  let connected = false;

  const lose = () => {
    if (connected) on.lost();
    connected = false;
  };

  const open = () => {
    const current = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`);
    let drawing;
    socket = current;
    heard = performance.now();
    current.onmessage = async ({ data }) => {
      if (socket !== current) return;
      heard = performance.now();
      if (typeof data !== "string") {
        drawing = on.picture(data);
        return;
      }
      const message = JSON.parse(data);
      if (message.type === "trend") {
        on.trend(message);
      } else if (message.type === "state") {
        connected = true;
        wait = FIRST_WAIT_MS;
        on.state(message);
        await drawing;
        if (current.readyState === WebSocket.OPEN) current.send("next");
      }
    };
    current.onclose = () => {
      if (socket !== current) return;
      socket = undefined;
      lose();
      toLogin();
      setTimeout(open, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT_MS);
    };
  };

  setInterval(() => {
    const silent = performance.now() - heard;
    if (silent > SILENCE_MS) lose();
    if (silent > HANG_UP_MS && socket) {
      const hung = socket;
      hung.onclose(); // a dead peer never answers the closing handshake
      hung.close();
    }
  }, 100);
  open();
}
