/* What HTML alone can't do: remember the theme, copy a text, open dialogs as modals, close menus, let the keyboard
   scroll what is wider than the page. Everything else works without. */
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  const markTheme = (theme) => {
    for (const button of document.querySelectorAll("[data-set-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === theme));
    }
  };
  const setTheme = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
    markTheme(theme);
  };

  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy).textContent;
    await navigator.clipboard.writeText(text);
    const label = button.querySelector("[data-copied]");
    const before = label.textContent;
    label.textContent = label.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-set-theme], [data-copy], [data-close-dialog], a[href^='#']");
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (!target) return;
    if (target.dataset.setTheme) setTheme(target.dataset.setTheme);
    else if (target.dataset.copy) copy(target);
    else if ("closeDialog" in target.dataset) {
      const dialog = target.closest("dialog");
      if (dialog.open) event.preventDefault();
      dialog.close();
    } else if (target.hash.length > 1) {
      const dialog = document.getElementById(target.hash.slice(1));
      if (dialog instanceof HTMLDialogElement) {
        event.preventDefault();
        dialog.showModal();
      }
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  const letKeyboardScroll = () => {
    for (const box of document.querySelectorAll(".table-wrap, .code, .copy code, .working-body")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };

  addEventListener("resize", letKeyboardScroll);
  document.addEventListener("toggle", letKeyboardScroll, true);
  document.addEventListener("htmx:afterSettle", letKeyboardScroll);
  document.addEventListener("DOMContentLoaded", () => {
    markTheme(root.dataset.theme || "auto");
    letKeyboardScroll();
  });
})();
