// The picture on a camera's settings page: which one is shown, its toolbar, and what is said about it.

import { AreaEditor } from "/static/area_editor.js";

const HEIGHTS = { min: "character_height_min_percent", max: "character_height_max_percent" };
const HELP = {
  begun: "Click the corners one after the other; click the first one again, or press Enter, to close the area. Dragging draws a rectangle. Escape gives it up.",
  corner: "Drag the corner, or move it with the arrow keys. Delete removes it.",
  area: "Drag a corner, click an edge for a new corner, or press Delete to remove the area.",
  some: "Plates in the red part are not recognized. Drag a corner; click an edge for a new corner. The mouse wheel zooms.",
  none: "The whole picture is searched. Draw an area around where plates are: recognition is faster and surer.",
};

// `set(name, value)` makes a draft of a setting; `saved(name)` is its stored value.
export function openWorkbench({ path, mayEdit, set, saved }) {
  const part = (name) => document.querySelector(`#workbench [data-do="${name}"]`);
  const choice = document.getElementById("shown-picture");
  const note = document.getElementById("picture-note");
  const help = document.getElementById("area-help");
  let asked = 0;
  let results = [];

  const editor = new AreaEditor(document.getElementById("canvas"), {
    onAreas: (areas) => set("areas", areas),
    onHeight: (kind, percent) => set(HEIGHTS[kind], percent),
    onMode: mode,
  });
  editor.mayEdit = mayEdit;

  function mode() {
    const { drawing, chosen, areas } = editor;
    const draw = part("draw");
    if (draw) {
      draw.textContent = drawing ? "Stop drawing" : "Draw area";
      draw.setAttribute("aria-pressed", String(Boolean(drawing)));
      part("remove-corner").disabled = !(chosen && chosen.corner !== null);
      part("remove-area").disabled = !chosen;
      part("clear").disabled = !areas.length;
      part("undo").disabled = !drawing && JSON.stringify(areas) === JSON.stringify(saved("areas"));
    }
    help.textContent = HELP[drawing ? "begun" : !mayEdit && areas.length ? "some" : chosen ? (chosen.corner === null ? "area" : "corner") : areas.length ? "some" : "none"];
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
      "remove-area": () => editor.removeArea(),
      clear: () => editor.clear(),
      undo: () => {
        editor.stopDrawing();
        set("areas", saved("areas"));
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
  document.getElementById("show-heights").addEventListener("change", (event) => {
    editor.heights.shown = event.target.checked;
    editor.view.redraw();
  });

  return {
    // What is set now, saved or not.
    update(values) {
      editor.setAreas(values.areas);
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
