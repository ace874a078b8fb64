/** User and password of a private image. They live as long as its sheet is open, in this object and nowhere else. */
import type { SignIn } from "../download-link.ts";
import { fill, h } from "../dom.ts";
import { t } from "../language.ts";
import { fold } from "./layers.ts";

export interface SignInForm {
  readonly element: HTMLDetailsElement;
  readonly current: SignIn | undefined;
  /** The registry asks for it. */
  show(): void;
}

export function signInForm(registry: string, onSignIn: () => void): SignInForm {
  let current: SignIn | undefined;
  const user = h("input", { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password" });
  const status = h("p", { class: "dim", role: "status" });
  const form = h(
    "form",
    { class: "sign-in" },
    h("label", { class: "field" }, h("span", {}, t().user), user),
    h("label", { class: "field" }, h("span", {}, t().password), password),
    h("button", { type: "submit" }, t().signInButton),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (user.value === "" || password.value === "") return (user.value === "" ? user : password).focus();
    current = { user: user.value, password: password.value };
    fill(status, t().signedIn(user.value));
    onSignIn();
  });
  const element = fold(t().signIn, h("p", { class: "dim" }, t().signInLead(registry)), form, status);
  return {
    element,
    get current() {
      return current;
    },
    show() {
      element.open = true;
      user.focus();
    },
  };
}
