// Numbers and times as a person reads them; each with its unit.

const clockFormat = new Intl.DateTimeFormat([], {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const dayFormat = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });

export const clock = (unix) => clockFormat.format(unix * 1000);
/** Of a recording whose time is not known: from its start on. */
export const streamTime = (s) =>
  `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
/** When an announced sound began, as exactly as it is known. */
export const began = ({ at_unix_s, start_s }) => (at_unix_s === null ? `at ${streamTime(start_s)}` : clock(at_unix_s));
export const seconds = (s) => `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
export const duration = (s) =>
  s < 120 ? seconds(s) : s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
export const percent = (score) => `${Math.round(score * 100)} %`;
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Words as a sentence. */
export function sentence(words) {
  const text = words.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** A label in running words: dog_bark is read as "dog bark". What is typed, listed or sent stays as it was given. */
export const spoken = (label) => label.replaceAll("_", " ");
/** A name of AudioSet in running words: "Smoke detector, smoke alarm" is a smoke detector. */
export const spokenName = (name) => name.split(/,| \(/)[0].toLowerCase();
export const article = (label) => `${/^[aeiou]/i.test(label) ? "an" : "a"} ${spoken(label)}`;

export function day(unix) {
  const days = Math.round((startOfDay(Date.now()) - startOfDay(unix * 1000)) / 864e5);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : dayFormat.format(unix * 1000);
}

const startOfDay = (ms) => new Date(ms).setHours(0, 0, 0, 0);

export function when(unix) {
  return `${day(unix)}, ${clock(unix)}`;
}

/** Seconds since the epoch as a datetime-local field has them, and back; NaN where it is empty. */
export function toField(unix) {
  const date = new Date(unix * 1000);
  return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
export const fromField = (text) => new Date(text).getTime() / 1000;
