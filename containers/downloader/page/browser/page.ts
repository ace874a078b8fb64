/** The page's script: what is on the screen from the start is made alive here, all else by the modules of its sections. */
import { byId, h } from "./dom.ts";
import { chooseLanguage, language, LANGUAGES, onLanguage, startLanguage } from "./language.ts";
import { startTheme } from "./theme.ts";

const languages = byId("language", HTMLSelectElement);
languages.replaceChildren(
  ...Object.entries(LANGUAGES).map(([value, name]) => h("option", { value, lang: value }, name)),
);
languages.addEventListener("change", () => chooseLanguage(languages.value));
onLanguage(() => {
  languages.value = language();
});
startTheme(byId("theme", HTMLSelectElement));
startLanguage();
