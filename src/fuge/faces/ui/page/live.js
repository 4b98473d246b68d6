// The connection to `fuge ui`: it comes back by itself, and then everything is told anew.

const FIRST_PAUSE = 300, LONGEST_PAUSE = 5000; // milliseconds

/** `heard` gets each message; `lost` a text when the connection is gone, "" when it is there again. */
export function connect(heard, lost) {
  let pause = FIRST_PAUSE;

  function open() {
    const socket = new WebSocket(`ws://${location.host}/api/live`);
    socket.onmessage = (message) => {
      pause = FIRST_PAUSE;
      lost("");
      heard(JSON.parse(message.data));
    };
    socket.onclose = async () => {
      lost((await isRefused())
        ? "This address is an old one: open the one that `fuge ui` has printed last."
        : "`fuge ui` does not answer: what you see is as it was. Trying again…");
      setTimeout(open, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
  }

  open();
}

async function isRefused() {
  try {
    return (await fetch("/api/ping")).status === 403;
  } catch {
    return false;
  }
}
