// Questions to the listener. What it refuses comes back as a Failed that says what happened and what to do.

import { askAnyway, askWhich } from "./which.js";
import { sentence } from "./words.js";

const PATIENCE_MS = 60000;

export class Failed extends Error {
  /** `near`: the class that was perhaps meant. `doubtful`: it is taught with `force`. */
  constructor(what, todo = "", status = 0, { near = "", doubtful = false } = {}) {
    super(what);
    this.todo = todo;
    this.status = status;
    this.near = near;
    this.doubtful = doubtful;
  }
}

/**
 * The answer to a GET, or to a POST where there is a `body` (an object, or a file). Where a label is refused because a
 * class has it in another form, the person is asked which is meant; where a sound is doubtful, whether it is. Throws
 * Failed.
 */
export async function ask(path, { body, query = {} } = {}) {
  try {
    return await answerTo(path, { body, query });
  } catch (error) {
    const file = body instanceof Blob;
    const other = await insisted(file ? query : body, error);
    if (!other) throw error;
    return ask(path, file ? { body, query: other } : { body: other, query });
  }
}

/** What to ask with instead, once the person has said so; null: it was given up, or there is nothing to say. */
async function insisted(asked, { near, doubtful, message }) {
  if (doubtful) return (await askAnyway(sentence(message))) && { ...asked, force: true };
  if (!near) return null;
  const key = asked.new_label === undefined ? "label" : "new_label";
  const meant = await askWhich(asked[key], near);
  if (!meant) return null;
  const { label, ...rest } = meant;
  return { ...asked, [key]: label, ...rest };
}

async function answerTo(path, { body, query }) {
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
  if (said.error) return new Failed(said.what || said.error, "", response.status, said); // it says what to do, too
  return new Failed(`The listener refused (${response.status}).`, "Try again.", response.status);
}
