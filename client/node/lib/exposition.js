// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Metrics as text, in Prometheus's format and in OpenMetrics.

function escaped(text) {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function numberText(value) {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function pairText([name, value]) {
  const text = typeof value === 'string' ? escaped(value).replace(/"/g, '\\"') : value;
  return `${name}="${text}"`;
}

function labelsText(labels) {
  const pairs = Object.entries(labels);
  return pairs.length === 0 ? '' : `{${pairs.map(pairText).join(',')}}`;
}

function exemplarText(exemplar) {
  const labels = Object.entries(exemplar.labelSet).map(pairText).join(',');
  return ` # {${labels}} ${numberText(exemplar.value)} ${exemplar.timestamp}`;
}

/** Returns a metric that is described as JSON. `defaults` are labels that all samples have
 * unless they have them already. */
function metricText(metric, defaults, isOpenMetrics) {
  const isCounter = isOpenMetrics && metric.type === 'counter';
  const name = isCounter ? metric.name.replace(/_total$/, '') : metric.name;
  const own = isCounter ? `${name}_total` : name;
  const lines = [
    `# HELP ${name} ${escaped(String(metric.help))}`,
    `# TYPE ${name} ${metric.type}`,
  ];
  for (const { metricName = own, labels = {}, value, exemplar } of metric.values || []) {
    const all = defaults === undefined ? labels : { ...labels, ...defaults, ...labels };
    const shown = exemplar && isOpenMetrics ? exemplarText(exemplar) : '';
    lines.push(`${metricName}${labelsText(all)} ${numberText(value)}${shown}`);
  }
  return lines.join('\n');
}

module.exports = { metricText };
