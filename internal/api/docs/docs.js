// Renders /openapi.json. No dependency and no network but this server.
(async () => {
  "use strict";
  const ops = document.getElementById("ops");
  const toc = document.getElementById("toc");
  const spec = await (await fetch("/openapi.json")).json();

  const el = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const resolve = (schema) => {
    const name = schema && schema.$ref && schema.$ref.split("/").pop();
    return name ? spec.components.schemas[name] : schema;
  };
  const typeOf = (schema) => {
    if (!schema) return "any";
    if (schema.$ref) return schema.$ref.split("/").pop();
    const type = [].concat(schema.type || "any").join(" or ");
    if (schema.items) return typeOf(schema.items) + "[]";
    if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
    return schema.format ? `${type} (${schema.format})` : type;
  };
  const fields = (schema, depth = 0, seen = []) => {
    const s = resolve(schema);
    if (!s || !s.properties || depth > 3 || seen.includes(s)) return [];
    return Object.entries(s.properties).flatMap(([name, sub]) => {
      const target = sub.items || sub;
      const row = { name: "\u00a0\u00a0".repeat(depth) + name, type: typeOf(sub), doc: sub.description || "", required: (s.required || []).includes(name) };
      return [row, ...fields(target, depth + 1, [...seen, s])];
    });
  };
  const table = (rows) => el("table", {}, ...rows.map((r) => el("tr", {},
    el("td", {}, el("code", { textContent: r.name })),
    el("td", { className: "soft", textContent: r.type + (r.required ? ", required" : "") }),
    el("td", { textContent: r.doc }))));
  const block = (title, rows) => rows.length ? [el("h4", { textContent: title }), table(rows)] : [];

  const render = (path, method, op) => {
    const params = (op.parameters || []).map((p) => ({ name: p.name, type: `${p.in}, ${typeOf(p.schema)}`, doc: p.description || "", required: p.required }));
    const body = op.requestBody && Object.values(op.requestBody.content)[0];
    const good = Object.entries(op.responses || {}).find(([status]) => status.startsWith("2"));
    const answer = good && good[1].content && Object.values(good[1].content)[0];
    return el("section", { id: op.operationId },
      el("h3", {}, el("span", { className: "method", textContent: method.toUpperCase() }), el("code", { textContent: path })),
      el("p", { textContent: op.summary || "" }),
      el("p", { className: "soft", textContent: "Access: " + (op["x-access"] || "public") }),
      el("p", { textContent: op.description || "" }),
      ...block("Parameters", params),
      ...(body ? block("Body", fields(body.schema)) : []),
      ...(answer ? block("Answer " + good[0], fields(answer.schema)) : []));
  };

  const show = (filter) => {
    ops.replaceChildren();
    toc.replaceChildren();
    const groups = new Map();
    for (const [path, item] of Object.entries(spec.paths)) {
      for (const [method, op] of Object.entries(item)) {
        const text = `${method} ${path} ${op.summary} ${op.operationId}`.toLowerCase();
        if (!op.operationId || !text.includes(filter)) continue;
        const tag = (op.tags || ["Other"])[0];
        if (!groups.has(tag)) groups.set(tag, []);
        groups.get(tag).push([path, method, op]);
      }
    }
    for (const [tag, list] of groups) {
      toc.append(el("h2", { textContent: tag }));
      ops.append(el("h2", { textContent: tag }));
      for (const [path, method, op] of list) {
        toc.append(el("a", { href: "#" + op.operationId, textContent: op.summary || op.operationId }));
        ops.append(render(path, method, op));
      }
    }
  };
  document.getElementById("filter").addEventListener("input", (e) => show(e.target.value.trim().toLowerCase()));
  show("");
})();
