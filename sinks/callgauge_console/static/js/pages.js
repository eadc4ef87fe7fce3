// Which page an address means, and the navigation.

import { alertPage } from "./pages/alert.js";
import { alertsPage } from "./pages/alerts.js";
import { budgetsPage } from "./pages/budgets.js";
import { callsPage } from "./pages/calls.js";
import { experimentsPage } from "./pages/experiments.js";
import { groupsPage } from "./pages/groups.js";
import { overviewPage } from "./pages/overview.js";
import { pipelinePage } from "./pages/pipeline.js";
import { qualityPage } from "./pages/quality.js";
import { rulesPage } from "./pages/rules.js";
import { tracePage } from "./pages/trace.js";
import { userPage } from "./pages/user.js";
import { empty } from "./parts/bits.js";
import { h } from "./dom.js";

export const NAV = [
  ["Traffic", [["/", "Overview"], ["/services", "Services"], ["/models", "Models"], ["/features", "Features"], ["/users", "Users"], ["/calls", "Calls and traces"]]],
  ["Judgement", [["/alerts", "Alerts"], ["/quality", "Quality and drift"], ["/rules", "Rules"]]],
  ["Decisions", [["/budgets", "Budgets"], ["/experiments", "Experiments"]]],
  ["Pipeline", [["/pipeline", "Completeness"]]],
];

const PAGES = {
  "": () => overviewPage({}),
  services: () => groupsPage("service"),
  models: () => groupsPage("model"),
  features: () => groupsPage("feature"),
  users: (id) => (id ? userPage(id) : groupsPage("user_id")),
  service: (name) => overviewPage({ service: name }),
  model: (name) => overviewPage({ model: name }),
  feature: (name) => overviewPage({ feature: name }),
  user: (id) => userPage(id),
  calls: () => callsPage(),
  trace: (id) => tracePage(id),
  quality: () => qualityPage(),
  alerts: () => alertsPage(),
  alert: (id) => alertPage(id),
  pipeline: () => pipelinePage(),
  rules: () => rulesPage(),
  budgets: () => budgetsPage(),
  experiments: () => experimentsPage(),
};

export function pageOf([name = "", ...rest]) {
  const make = PAGES[name];
  if (make) return make(rest.join("/"));
  return { title: "No such page", timed: false, live: false, node: h("section", { class: "panel" }, empty("There is no page here", "The navigation lists all pages.")), refresh: async () => {} };
}
