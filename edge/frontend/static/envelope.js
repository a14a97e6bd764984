// The envelope around each message (specification, section 5.1).

const VERSION = "1.0";
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export function isUuid4(text) {
  return typeof text === "string" && UUID4.test(text);
}

// Without `traceId`, before there is a session, what a customer does begins a trace of its own.
export function envelope(sessionId, traceId, payload) {
  return {
    msg_id: crypto.randomUUID(),
    timestamp: new Date().toISOString(),
    session_id: sessionId,
    trace_id: traceId ?? crypto.randomUUID(),
    version: VERSION,
    payload,
  };
}
