// The page's line to the bus, over NATS. Another transport (LiveKit's data channels) would offer the same
// two things: connect(onScreen, onState) and send(name, payload).

import { connect as connectNats, JSONCodec } from "/vendor/nats.js";
import { envelope, isUuid4 } from "./envelope.js";

const INBOX_PREFIX = "_INBOX.page"; // the only inboxes that the server lets the page read
const RETRY_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;
const PING_MS = 5000; // with two lost, a silent server is noticed within 15 s
const LAST_SCREEN_TIMEOUT_MS = 5000;
const STORED_TIMEOUT_MS = 2000;
const BETWEEN_CUSTOMERS = ["attract", "goodbye"]; // a touch there is the next customer's first

export class NatsLink {
  #codec = JSONCodec();
  #connection = null;
  #config = null;
  #sessionId = crypto.randomUUID(); // until the first screen tells the customer's
  #traceId = null; // the customer's, while there is one

  // Stay connected for ever. `onScreen(payload, config, timestamp)` gets each kiosk.ui.update; `onState` gets "online"
  // and "offline".
  async connect(onScreen, onState) {
    for (;;) {
      try {
        await this.#stayOnce(onScreen, onState);
      } catch (error) {
        console.info("no connection to the kiosk's bus:", error.message);
      }
      this.#connection = null;
      onState("offline");
      await pause(RETRY_MS);
    }
  }

  // Tell the kiosk what the customer did: `name` is "touch" or "cart_action". Resolves once it is stored.
  // A touch that can't be delivered now is refused, not kept: nobody wants it acted upon a minute later.
  async send(name, payload) {
    if (!this.#connection) throw new Error("not connected");
    const message = envelope(this.#sessionId, this.#traceId, payload);
    await this.#connection.jetstream().publish(this.#config.subjects[name], this.#codec.encode(message), {
      msgID: message.msg_id,
      timeout: STORED_TIMEOUT_MS,
    });
  }

  // One connection, from its beginning to its end. The configuration is read again each time: a kiosk that
  // started anew may have its server elsewhere.
  async #stayOnce(onScreen, onState) {
    const answer = await fetch("/config.json", { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`/config.json answered ${answer.status}`);
    const config = await answer.json();
    const connection = await connectNats({
      servers: config.websocket_url,
      name: "page",
      inboxPrefix: INBOX_PREFIX,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
      reconnect: false, // the loop above does it
    });
    this.#config = config;
    this.#connection = connection;

    try {
      await this.#follow(connection, config, onScreen, onState);
    } finally {
      await connection.close();
    }
  }

  // Every screen from now on, and before them the last one that was published.
  async #follow(connection, config, onScreen, onState) {
    let heardLive = false;
    const show = (data) => {
      const message = this.#read(data);
      if (!message) return;
      try {
        onScreen(message.payload, config, message.timestamp);
      } catch (error) {
        console.error("a screen can't be shown:", error); // the next one may be better
      }
    };
    const live = connection.subscribe(config.subjects.ui_update);
    const following = (async () => {
      for await (const message of live) {
        heardLive = true;
        show(message.data);
      }
    })();
    onState("online");
    // Whatever is published from here on comes live, so the stored screen is wanted only until then.
    for (let tries = 0; !heardLive && !connection.isClosed(); tries += 1) {
      try {
        const last = await within(LAST_SCREEN_TIMEOUT_MS, lastOn(connection, config));
        if (last && !heardLive) show(last.data);
        break;
      } catch (error) {
        if (tries === 0) console.info("no last screen yet:", error.message);
        await Promise.race([pause(RETRY_MS), connection.closed()]);
      }
    }
    await Promise.race([following, connection.closed()]);
  }

  #read(data) {
    let message;
    try {
      message = this.#codec.decode(data);
    } catch {
      message = null;
    }
    if (typeof message?.payload !== "object" || message.payload === null) {
      console.warn("ignored a screen that is no message");
      return null;
    }
    if (isUuid4(message.session_id)) this.#sessionId = message.session_id;
    const nobody = BETWEEN_CUSTOMERS.includes(message.payload.layout_mode);
    this.#traceId = !nobody && isUuid4(message.trace_id) ? message.trace_id : null;
    return message;
  }
}

// The newest screen that the stream keeps, or null: one read, the way that the page's user is allowed.
async function lastOn(connection, config) {
  const subject = `$JS.API.DIRECT.GET.${config.stream}.${config.subjects.ui_update}`;
  const answer = await connection.request(subject, undefined, { timeout: STORED_TIMEOUT_MS });
  return answer.headers?.code === 404 ? null : answer;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function within(ms, promise) {
  const late = pause(ms).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  return Promise.race([promise, late]);
}
