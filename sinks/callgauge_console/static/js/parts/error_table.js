// Why calls fail, and at which provider.

import { count, percent } from "../format.js";
import { Table } from "./table.js";

export function errorTable() {
  return new Table({
    caption: "Errors", keyOf: (row) => `${row.provider} ${row.error_type}`, sort: "errors.down", param: "sort_errors", empty: ["No call failed", "Failed calls are listed here by type and provider."],
    columns: [
      { key: "type", title: "Type", text: (row) => row.error_type.replaceAll("_", " "), value: (row) => row.error_type },
      { key: "provider", title: "Provider", text: (row) => row.provider || "(none)", value: (row) => row.provider },
      { key: "errors", title: "Failed", num: true, text: (row) => count(row.errors), value: (row) => row.errors },
      { key: "calls", title: "Of calls", num: true, text: (row) => count(row.calls), value: (row) => row.calls },
      { key: "rate", title: "Share", num: true, text: (row) => percent(row.rate), value: (row) => row.rate },
    ],
  });
}
