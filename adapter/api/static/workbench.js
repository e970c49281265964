// The picture on a camera's settings page: which one is shown, its toolbar, and what is said about it.

import { PolygonEditor } from "/static/polygon_editor.js";

const HEIGHTS = { min: "character_height_min_percent", max: "character_height_max_percent" };
// What is said of each kind of polygon, by the name of its setting.
const WORDS = {
  areas: {
    one: "area",
    some: "Plates in the red part are not recognized. Drag a corner; click an edge for a new corner. The mouse wheel zooms.",
    none: "The whole picture is searched. Draw an area around where plates are: recognition is faster and surer.",
    clear: "Clear the selection: no area, the whole picture is searched",
    undo: "Back to the area that was saved last",
  },
  masks: {
    one: "mask",
    some: "Motion in the hatched part starts no recognition; plates there are still read when something else moves. Drag a corner; click an edge for a new corner. The mouse wheel zooms.",
    none: "Motion counts everywhere that is searched. Draw a mask over what moves and is no vehicle: a clock, a tree, a flag.",
    clear: "Remove all masks: motion counts everywhere that is searched",
    undo: "Back to the masks that were saved last",
  },
};

function helpFor({ drawing, chosen, polygons, most, mayEdit }, { one, some, none }) {
  const full = (points) => points.length >= most.points;
  if (drawing && full(drawing.points)) {
    return `${most.points} corners are the most that one ${one} takes. Press Enter to close it, Backspace to take a corner back, Escape to give it up.`;
  }
  if (drawing) {
    return `Click the corners one after the other; click the first one again, or press Enter, to close the ${one}. Dragging draws a rectangle. Escape gives it up.`;
  }
  if (mayEdit && chosen && chosen.corner !== null) return "Drag the corner, or move it with the arrow keys. Delete removes it.";
  if (mayEdit && chosen && full(polygons[chosen.polygon])) {
    return `This ${one} has ${most.points} corners, the most that one takes. Drag a corner, or press Delete to remove the ${one}.`;
  }
  if (mayEdit && chosen) return `Drag a corner, click an edge for a new corner, or press Delete to remove the ${one}.`;
  if (mayEdit && polygons.length >= most.polygons) {
    return `${most.polygons} ${one}s are the most that a camera takes. Remove one to draw another. ${some}`;
  }
  return polygons.length ? some : none;
}

// `set(name, value)` makes a draft of a setting; `saved(name)` is its stored value.
export function openWorkbench({ path, mayEdit, set, saved }) {
  const part = (name) => document.querySelector(`#workbench [data-do="${name}"]`);
  const choice = document.getElementById("shown-picture");
  const note = document.getElementById("picture-note");
  const help = document.getElementById("polygon-help");
  const canvas = document.getElementById("canvas");
  const kinds = document.querySelectorAll("#workbench [name=kind]");
  let asked = 0;
  let results = [];

  const editor = new PolygonEditor(canvas, {
    most: { polygons: Number(canvas.dataset.mostPolygons), points: Number(canvas.dataset.mostPoints) },
    onPolygons: set,
    onHeight: (kind, percent) => set(HEIGHTS[kind], percent),
    onMode: mode,
  });
  editor.mayEdit = mayEdit;

  function mode() {
    const { drawing, chosen, polygons, kind, most } = editor;
    const words = WORDS[kind];
    const draw = part("draw");
    if (draw) {
      draw.textContent = drawing ? "Stop drawing" : `Draw ${words.one}`;
      draw.disabled = !drawing && polygons.length >= most.polygons;
      draw.setAttribute("aria-pressed", String(Boolean(drawing)));
      part("remove-corner").disabled = !(chosen && chosen.corner !== null);
      part("remove-polygon").textContent = `Remove ${words.one}`;
      part("remove-polygon").disabled = !chosen;
      part("clear").title = words.clear;
      part("clear").disabled = !polygons.length;
      part("undo").title = words.undo;
      part("undo").disabled = !drawing && JSON.stringify(polygons) === JSON.stringify(saved(kind));
    }
    kinds.forEach((one) => (one.checked = one.value === kind));
    help.textContent = helpFor(editor, words);
  }

  async function show() {
    const mine = ++asked;
    const live = choice.value === "";
    part("renew").hidden = !live;
    const address = live ? `${path}/snapshot.jpg` : `${path}/snapshots/${choice.value}`;
    try {
      const response = await fetch(`/api/v1${address}`);
      if (!response.ok) throw new Error((await response.json()).detail);
      const bitmap = await createImageBitmap(await response.blob());
      if (mine !== asked) return;
      editor.view.show(bitmap);
      note.textContent = "";
    } catch (error) {
      if (mine !== asked) return;
      editor.view.show(null);
      note.textContent = error instanceof DOMException ? "This picture cannot be shown." : error.message;
    }
    found();
  }

  const found = () => editor.setFound(results.find((one) => one.name === choice.value));

  choice.addEventListener("change", show);
  document.getElementById("workbench").addEventListener("click", (event) => {
    const commands = {
      draw: () => (editor.drawing ? editor.stopDrawing() : editor.startDrawing()),
      "remove-corner": () => editor.removeCorner(),
      "remove-polygon": () => editor.removePolygon(),
      clear: () => editor.clear(),
      undo: () => {
        editor.stopDrawing();
        set(editor.kind, saved(editor.kind));
      },
      in: () => editor.zoom(true),
      out: () => editor.zoom(false),
      fit: () => editor.view.fit(),
      renew: show,
    };
    const command = commands[event.target.dataset?.do];
    if (!command) return;
    command();
    if (event.target.dataset.do === "draw") editor.canvas.focus({ preventScroll: true });
  });
  kinds.forEach((one) => one.addEventListener("change", () => editor.edit(one.value)));
  // Beside each typed field stands the way to the picture.
  document.querySelectorAll("[data-draw]").forEach((link) => link.addEventListener("click", () => editor.edit(link.dataset.draw)));
  document.getElementById("show-heights").addEventListener("change", (event) => {
    editor.heights.shown = event.target.checked;
    editor.view.redraw();
  });

  return {
    // What is set now, saved or not.
    update(values) {
      editor.setPolygons({ areas: values.areas, masks: values.masks });
      editor.setHeights(values[HEIGHTS.min], values[HEIGHTS.max]);
    },
    // The snapshots that can be shown; the first approved one is, to begin with.
    offer(snapshots) {
      const before = choice.value;
      const first = choice.options.length === 0;
      const named = snapshots.map((one, at) => new Option(`Snapshot ${at + 1}: ${one.plates.join(", ") || one.approval}`, one.name));
      choice.replaceChildren(new Option("Live picture", ""), ...named);
      const best = (snapshots.find((one) => one.approval === "approved") ?? snapshots[0])?.name ?? "";
      choice.value = first || !snapshots.some((one) => one.name === before) ? (first ? best : "") : before;
      if (first || choice.value !== before) show();
    },
    // What the snapshots read now.
    results(read) {
      results = read;
      found();
    },
    show(name) {
      choice.value = name;
      show();
    },
  };
}
