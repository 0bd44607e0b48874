// What a change did to the class it was about and to all others, in sentences.

import { count, percent } from "./words.js";

const SAME = 0.005; // of a score; less is not shown

/** Of a lesson, or of any other change: what was done. */
export function doneWords(answer) {
  if (answer.did) return answer.did;
  const {
    label,
    examples,
    is_new_class,
    before: [was, wasScore],
    after: [now, nowScore],
    source,
    id,
    known,
    later = [],
  } = answer;
  if (known) return `Taught already: this sound (${source}) is example ${id} of ${label}. Nothing was changed.`;
  return (
    `${label} is learned${is_new_class ? " as a new class" : ""}, from ${count(examples, "example")} now. ` +
    `This sound (${source}) was called ${was} (${percent(wasScore)} sure) and is called ${now} ` +
    `(${percent(nowScore)}) from here on.` +
    later.map((one) => ` A quieter sound came after it and was not taken: ${one}.`).join("")
  );
}

const named = (taken) => {
  const words = taken.slice(0, 4).map(([name, times, of]) => `${name} (${times} of ${of})`);
  return words.join(", ") + (taken.length > 4 ? ` and ${taken.length - 4} more` : "");
};

/** A share as a person says it. */
export function oneIn(share) {
  if (share <= 0) return "none";
  return share < 0.4 ? `about 1 in ${Math.round(1 / share)}` : `about ${Math.round(10 * share)} in 10`;
}

/** What else would be announced as the class; empty where there is nothing to compare with. */
export function confusionWords({ confusion }) {
  if (!confusion) return "";
  const { label, cautious, of, share, taken, classes, not_told_from } = confusion;
  const words = [];
  const all = taken.reduce((sum, [, times]) => sum + times, 0);
  if (taken.length)
    words.push(
      `Of ${of} other sounds that the model keeps, ${all} (${oneIn(share)}) would be announced as ${label}: ` +
        named(taken),
    );
  else if (of) words.push(`None of ${of} other sounds that the model keeps would be announced as ${label}`);
  if (classes.length) words.push(`Of what was taught as something else, also ${named(classes)}`);
  if (not_told_from.length) words.push(`It cannot be told from ${not_told_from.join(" or ")} yet`);
  if (taken.length || classes.length)
    words.push(`Teach one of these as something else, or two more recordings of ${label}`);
  if (cautious) words.push("With one recording it is announced with caution; a second one opens it up");
  return words.map((one) => `${one}.`).join(" ");
}

/** On the other classes; empty where nothing was measured. */
export function effectWords({ effect, known }) {
  if (!effect || known) return "";
  const { checked, right_before, right_after, renamed, own_before, own_after, most_label, most } = effect;
  if (!most_label) return "There are no other classes.";
  const words = [
    Math.abs(own_after - own_before) < SAME
      ? `The other classes hold: their own examples score ${own_after.toFixed(2)} on average, as before`
      : `The other classes' own examples score ${own_after.toFixed(2)} on average (${own_before.toFixed(2)} before)`,
  ];
  if (Math.abs(most) >= SAME)
    words[0] += `; ${most_label} changed most (${most > 0 ? "+" : "−"}${Math.abs(most).toFixed(2)})`;
  if (checked) words.push(`${right_after} of ${checked} that were taught are called right (${right_before} before)`);
  for (const [label, before, after] of renamed.slice(0, 3))
    words.push(`One of ${label} was called ${before} and would now be ${after}`);
  return `${words.join(". ")}.`;
}
