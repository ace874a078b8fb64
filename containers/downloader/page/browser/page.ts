/** The page's script: what is on the screen from the start is made alive here, all else by the modules of its sections. */
import { startBasket } from "./basket.ts";
import { closeDetails } from "./details/sheet.ts";
import { byId, h } from "./dom.ts";
import { startHistory } from "./history-sheet.ts";
import { startHome } from "./home.ts";
import { chooseLanguage, language, LANGUAGES, onLanguage, startLanguage } from "./language.ts";
import { startQuick } from "./quick.ts";
import { startSearch } from "./search.ts";
import { chooseFormat, choosePlatform, fillFormats, fillPlatforms, onSettings, platform } from "./settings.ts";
import { startSheet } from "./sheets.ts";
import { startTheme } from "./theme.ts";
import { startTray } from "./tray.ts";

function startLanguages(): void {
  const select = byId("language", HTMLSelectElement);
  const names = Object.entries(LANGUAGES);
  select.replaceChildren(...names.map(([value, name]) => h("option", { value, lang: value }, name)));
  select.addEventListener("change", () => chooseLanguage(select.value));
  onLanguage(() => {
    select.value = language();
  });
}

/** One choice, shown in several places. */
function startSettings(): void {
  const platforms = ["platform", "quick-platform"].map((id) => byId(id, HTMLSelectElement));
  const formats = byId("quick-format", HTMLSelectElement);
  const show = () => {
    for (const select of platforms) fillPlatforms(select, platform());
    fillFormats(formats);
  };
  for (const select of platforms) select.addEventListener("change", () => choosePlatform(select.value));
  formats.addEventListener("change", () => chooseFormat(formats.value));
  onSettings(show);
  onLanguage(show);
}

startLanguages();
startTheme(byId("theme", HTMLSelectElement));
startSettings();
startSheet(byId("details", HTMLDialogElement), closeDetails);
startBasket();
startHistory();
startSearch();
startQuick();
startTray();
startHome();
startLanguage();
