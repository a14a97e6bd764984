// Amounts as the customer reads them.

const formats = new Map();

// `currency` is an ISO 4217 code; one that the browser doesn't know leaves a plain number.
export function money(amount, currency) {
  if (typeof amount !== "number") return "";
  if (!formats.has(currency)) formats.set(currency, formatFor(currency));
  return formats.get(currency).format(amount);
}

function formatFor(currency) {
  const language = document.documentElement.lang;
  try {
    return new Intl.NumberFormat(language, { style: "currency", currency });
  } catch {
    return new Intl.NumberFormat(language, { minimumFractionDigits: 2 });
  }
}
