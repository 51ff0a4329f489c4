// Shows the API with Swagger UI, in the theme of the system. What assistive technology lacks there is added here.

const ui = document.getElementById("ui");
const dark = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

function each(selector, change) {
  ui.querySelectorAll(selector).forEach(change);
}

/** Levels of headings without gaps, names for regions, and focus for what scrolls. */
function mend() {
  each("h3", (heading) => heading.setAttribute("aria-level", "2"));
  each("h4", (heading) => heading.setAttribute("aria-level", "3"));
  each("h5", (heading) => heading.setAttribute("aria-level", "4"));
  each("table.responses-table", (table) => table.setAttribute("aria-label", table.id.replaceAll("_", " ")));
  each("textarea.body-param__text", (body) => body.setAttribute("aria-label", "Body"));
  each("button.close-modal", (button) => button.setAttribute("aria-label", "Close"));
  each("pre.microlight", (text) => (text.tabIndex = 0));
  for (const [selector, name] of [["information", "About"], ["scheme", "Access"]]) {
    each(`.${selector}-container`, (part) => {
      part.setAttribute("role", "region");
      part.setAttribute("aria-label", name);
    });
  }
}

dark.addEventListener("change", theme);
theme();
new MutationObserver(mend).observe(ui, { childList: true, subtree: true });
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  domNode: ui,
  validatorUrl: null,
  showCommonExtensions: true, // the bounds of parameters
  deepLinking: false, // its links would be inside of buttons
  syntaxHighlight: { activated: false }, // its colours have too little contrast
});
