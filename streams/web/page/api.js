// Questions to the listener. What it refuses comes back as a Failed that says what happened and what to do.

const PATIENCE_MS = 60000;

export class Failed extends Error {
  constructor(what, todo = "", status = 0) {
    super(what);
    this.todo = todo;
    this.status = status;
  }
}

/** The answer to a GET, or to a POST where there is a `body` (an object, or a file). Throws Failed. */
export async function ask(path, { body, query = {} } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const options = { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    const file = body instanceof Blob;
    options.method = "POST";
    options.headers = { "X-Pace-Edge": "1", "Content-Type": file ? "application/octet-stream" : "application/json" };
    options.body = file ? body : JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Failed(
      "The listener does not answer.",
      "See whether it is still running and within reach; then try again.",
    );
  }
  if (response.ok) return response.json();
  if (response.status === 401 && path !== "/api/login") document.dispatchEvent(new Event("locked"));
  throw await refusal(response);
}

async function refusal(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // no JSON: the status alone has to do
  }
  if (said.error) return new Failed(said.error, "", response.status); // which says what to do, too
  return new Failed(`The listener refused (${response.status}).`, "Try again.", response.status);
}
