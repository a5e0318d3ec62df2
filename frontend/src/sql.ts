// The SQL editor: [data-sql-editor] around a <textarea>, which keeps the text for the form. Tables and columns for
// completion stand in <script type="application/json" class="sql-schema">{"events": ["event_id", …]}</script> inside of it.
// Ctrl+Enter sends the form. What is selected is in the field named by data-selection: then only that is run.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours are the page's: custom properties reach into the editor.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--series-1)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--series-3)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--series-2)" },
  { tag: [tags.comment], color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "var(--series-4)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "0.875rem", maxHeight: "50vh", minHeight: "8rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { overflow: "auto", fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "transparent", border: "0" },
  ".cm-activeLine": { backgroundColor: "var(--sunken)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--accent-ground) !important" },
  ".cm-tooltip": { color: "var(--ink)", backgroundColor: "var(--raised)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--ink)", background: "var(--accent-ground)" },
});

/** Puts an editor in place of the text field. Without it, or before it, the field works as it is. */
export function startEditor(place: HTMLElement): void {
  const field = place.querySelector("textarea");
  if (!field) {
    return;
  }
  const schema = JSON.parse(place.querySelector(".sql-schema")?.textContent || "{}") as Record<string, string[]>;
  const host = document.createElement("div");
  host.className = "sql-editor";
  // Inside of a shadow tree, styles are adopted sheets: the page's policy needs no exception for them.
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: field.value,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        sql({ dialect: PostgreSQL, schema, upperCaseKeywords: true }),
        syntaxHighlighting(colours),
        look,
        EditorView.contentAttributes.of({ "aria-label": field.labels[0]?.textContent?.trim() || field.getAttribute("aria-label") || "SQL" }),
        keymap.of([
          { key: "Mod-Enter", run: () => send(field) },
          ...closeBracketsKeymap,
          ...completionKeymap, // Escape closes its list first
          { key: "Escape", run: (editor) => leave(editor) },
          ...historyKeymap,
          ...defaultKeymap,
        ]),
        EditorView.domEventHandlers({ beforeinput: replaceSelected }),
        EditorView.updateListener.of(({ state }) => {
          field.value = state.doc.toString();
          const { from, to } = state.selection.main;
          select(place, state.sliceDoc(from, to));
        }),
      ],
    }),
  });
  field.hidden = true;
  place.append(host);
  field.addEventListener("questlog:text", () => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: field.value } });
    view.focus();
  });
  if (place.hasAttribute("data-focus")) {
    view.focus();
  }
}

/** Typing over a selection: by itself the browser would keep its colours by a style attribute, which the policy forbids. */
function replaceSelected(event: InputEvent, view: EditorView): boolean {
  const { from, to, empty } = view.state.selection.main;
  const typed = event.data;
  if (event.inputType !== "insertText" || event.isComposing || empty || !typed || view.state.selection.ranges.length > 1) {
    return false;
  }
  event.preventDefault();
  const insert = (): ReturnType<typeof view.state.update> =>
    view.state.update({ ...view.state.replaceSelection(typed), userEvent: "input.type", scrollIntoView: true });
  if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, typed, insert))) {
    view.dispatch(insert());
  }
  return true;
}

function send(field: HTMLTextAreaElement): boolean {
  field.form?.requestSubmit();
  return true;
}

/** Escape leaves the editor. */
function leave(view: EditorView): boolean {
  view.contentDOM.blur();
  return true;
}

function select(place: HTMLElement, selected: string): void {
  const field = place.closest("form")?.querySelector<HTMLInputElement>(`input[name="${CSS.escape(place.dataset["selection"] ?? "selection")}"]`);
  if (field) {
    field.value = selected;
  }
}
