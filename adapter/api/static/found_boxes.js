// What the snapshot that is shown reads: a box around each text, with the text, or why it was refused.

import { label } from "/static/height_boxes.js";

const READ = "#4be38a";
const REFUSED = "#ffb020";
const NOTHING = { candidates: [], refused: [], width_px: 1, height_px: 1 };

const why = (text, reason) => `${text} ${reason}`.trim().replaceAll("_", " ");

export class FoundBoxes {
  constructor() {
    this.found = NOTHING;
  }

  set(found) {
    this.found = found ?? NOTHING;
  }

  draw(context, view) {
    for (const one of this.found.refused) this.#box(context, view, one.box, REFUSED, why(one.text, one.reason));
    for (const one of this.found.candidates) {
      if (one.accepted) this.#box(context, view, one.box, READ, one.text);
      else this.#box(context, view, one.box, REFUSED, why(one.text, "below_threshold"));
    }
  }

  #box(context, view, { x, y, width, height }, colour, text) {
    const { width_px, height_px } = this.found;
    const [left, top] = view.toScreen([x / width_px, y / height_px]);
    const [right, bottom] = view.toScreen([(x + width) / width_px, (y + height) / height_px]);
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.strokeRect(left, top, right - left, bottom - top);
    label(context, text, left, bottom + 11, colour);
  }
}
