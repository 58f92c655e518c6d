declare global {
  var __webpack_nonce__: string | undefined;
}

/** What the content security policy of this page asks of style elements that are made at run time. */
export const cspNonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';

// Where the scroll lock of dialogs looks for it.
globalThis.__webpack_nonce__ = cspNonce;
