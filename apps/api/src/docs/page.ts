import type { Answer, OpenApi, Operation, Schema } from './openapi.js';

const REF = '#/components/schemas/';
const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
code, pre { font: 14px/1.5 ui-monospace, monospace }
pre { background: #f4f5f7; padding: .7rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #dfe3e8 }
section { margin: 2.5rem 0 }
h2 { margin-top: 3rem }
h4 { margin: 1rem 0 0 }
nav td:first-child { width: 5rem }
.required { color: #a40000 }
`;

/** One page without scripts, and nothing that is fetched from elsewhere. */
export function page(document: OpenApi): string {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.map((tag) => ({
    tag,
    own: all.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const overview = groups
    .map(({ own }) =>
      own
        .map(
          ({ path, method, operation }) =>
            `<tr><td><code>${method.toUpperCase()}</code></td>` +
            `<td><a href="#${operation.operationId}"><code>${esc(path)}</code></a></td>` +
            `<td>${prose(operation.summary)}</td></tr>`,
        )
        .join('\n'),
    )
    .join('\n');
  const calls = groups
    .map(
      ({ tag, own }) =>
        `<h2>${esc(tag.name)}</h2><p>${esc(tag.description)}.</p>` +
        own.map(({ path, method, operation }) => call(path, method, operation)).join('\n'),
    )
    .join('\n');
  const schemas = Object.entries(document.components.schemas)
    .map(
      ([name, schema]) =>
        `<section id="${name}"><h3>${name}</h3>${fields(schema) || `<p><code>${typeOf(schema)}</code></p>`}</section>`,
    )
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>schemasaga</title>
<style>${STYLE}</style>
</head>
<body>
<h1>schemasaga</h1>
<p>${esc(document.info.description)}
The same as <a href="/openapi.json">OpenAPI 3.1</a>; the events as <a href="/asyncapi.json">AsyncAPI 3.0</a>.</p>
<nav><table>${overview}</table></nav>
${calls}
<h2>Schemas</h2>
${schemas}
</body></html>`;
}

function call(path: string, method: string, operation: Operation): string {
  const body = operation.requestBody?.content['application/json'];
  const parameters = operation.parameters.map((p) =>
    row(`${p.name}`, `${p.in}: ${typeOf(p.schema)}`, p.required, p.description),
  );
  const answers = Object.entries(operation.responses).map(
    ([status, answer]) =>
      `<tr><td><code>${status}</code></td><td>${prose(answer.description)}</td><td>${contentOf(answer)}</td></tr>`,
  );
  return `<section id="${operation.operationId}">
<h3><code>${method.toUpperCase()} ${esc(path)}</code></h3>
<p>${prose(operation.summary)}</p>
${parameters.length === 0 ? '' : `<h4>Parameters</h4><table>${parameters.join('')}</table>`}
${body === undefined ? '' : `<h4>Body</h4>${fields(body.schema)}`}
<h4>Answers</h4><table>${answers.join('')}</table>
<h4>Example</h4><pre>${esc(curl(path, method, body?.example))}</pre></section>`;
}

export function curl(path: string, method: string, example: object | undefined): string {
  const url = `http://127.0.0.1:3000${path.replace('{id}', '$ID').replace('{name}', 'default')}`;
  const start =
    'curl -s ' + `${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${url.includes('$') ? `"${url}"` : url}`;
  return example === undefined
    ? start
    : `${start} -H 'Content-Type: application/json' -d '${JSON.stringify(example).replaceAll("'", "'\\''")}'`;
}

function contentOf(answer: Answer): string {
  const [type, content] = Object.entries(answer.content ?? {})[0] ?? [];
  if (content === undefined) return 'no body';
  if (type !== 'application/json' && type !== 'application/problem+json') return `<code>${type}</code>`;
  // Of a problem the codes stand in the description already.
  return `<code>${typeOf(content.schema.allOf?.[0] ?? content.schema)}</code>`;
}

function fields(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    row(name, typeOf(field), schema.required?.includes(name) ?? false, field.description),
  );
  return rows.length === 0 ? '' : `<table>${rows.join('')}</table>`;
}

function row(name: string, type: string, required: boolean, description: string | undefined): string {
  const mark = required ? ' <span class="required">required</span>' : '';
  return (
    `<tr><td><code>${esc(name)}</code>${mark}</td>` +
    `<td><code>${type}</code></td><td>${prose(description ?? '')}</td></tr>`
  );
}

/** As HTML: names of other schemas are links. */
function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(REF.length);
    return `<a href="#${name}">${name}</a>`;
  }
  const variants = schema.oneOf ?? schema.anyOf;
  if (variants !== undefined) return variants.map(typeOf).join(' | ');
  if (schema.enum !== undefined) return schema.enum.map((v) => esc(JSON.stringify(v))).join(' | ');
  if (schema.const !== undefined) return esc(JSON.stringify(schema.const));
  if (schema.type === 'array') return `${typeOf(schema.items ?? {})}[]`;
  if (schema.type === 'object' && schema.properties !== undefined)
    return `{ ${Object.entries(schema.properties)
      .map(([name, field]) => `${esc(name)}: ${typeOf(field)}`)
      .join(', ')} }`;
  if (
    schema.type === 'object' &&
    typeof schema.additionalProperties === 'object' &&
    Object.keys(schema.additionalProperties).length > 0
  )
    return `{ name: ${typeOf(schema.additionalProperties)} }`;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any JSON');
  return `${type}${schema.format === undefined ? '' : ` (${schema.format})`}${bounds(schema)}`;
}

function bounds(schema: Schema): string {
  const range = (low: number | undefined, high: number | undefined, of: string): string => {
    if (high === undefined || high === Number.MAX_SAFE_INTEGER)
      return low === undefined || low <= 0 ? '' : `, at least ${low}${of}`;
    return low === undefined || low <= 0 ? `, at most ${high}${of}` : `, ${low} to ${high}${of}`;
  };
  const values = range(schema.minimum, schema.maximum, '');
  const lengths = range(schema.minLength, schema.maxLength, ' characters');
  const fallback = schema.default === undefined ? '' : `, default ${esc(JSON.stringify(schema.default))}`;
  return `${values}${lengths}${fallback}`;
}

function prose(text: string): string {
  return esc(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function esc(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
