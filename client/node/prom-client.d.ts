// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// The types of prom-client's interface. T is the union of a metric's label names.

export type LabelValues<T extends string> = Partial<Record<T, string | number>>;
export type Aggregator = 'omit' | 'sum' | 'first' | 'min' | 'max' | 'average';
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';
export type PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
export type OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

export const prometheusContentType: PrometheusContentType;
export const openMetricsContentType: OpenMetricsContentType;
export let contentType: string;

export interface MetricValue<T extends string> {
  value: number;
  metricName?: string;
  labels: LabelValues<T>;
}

export interface MetricObject {
  name: string;
  help: string;
  type: MetricType | string;
  aggregator: Aggregator;
  values?: MetricValue<string>[];
}

export interface MetricConfiguration<T extends string> {
  name: string;
  help: string;
  labelNames?: T[] | readonly T[];
  registers?: Registry[];
  aggregator?: Aggregator;
  enableExemplars?: boolean;
}

export interface CounterConfiguration<T extends string> extends MetricConfiguration<T> {
  collect?(this: Counter<T>): void | Promise<void>;
}
export interface GaugeConfiguration<T extends string> extends MetricConfiguration<T> {
  collect?(this: Gauge<T>): void | Promise<void>;
}
export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T> {
  buckets?: number[];
  collect?(this: Histogram<T>): void | Promise<void>;
}
export interface SummaryConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Ignored, which is said once. */
  percentiles?: number[];
  maxAgeSeconds?: number;
  ageBuckets?: number;
  pruneAgedBuckets?: boolean;
  compressCount?: number;
  collect?(this: Summary<T>): void | Promise<void>;
}

/** Ends a timer, and returns its seconds. */
export type EndTimer<T extends string> = (labels?: LabelValues<T>) => number;

export interface IncreaseWithExemplar<T extends string> {
  value?: number;
  labels?: LabelValues<T>;
  exemplarLabels?: Record<string, string | number>;
}

declare abstract class Labelled<T extends string> {
  reset(): void;
  remove(...values: (string | number)[]): void;
  remove(labels: LabelValues<T>): void;
}

export class Counter<T extends string = string> extends Labelled<T> {
  constructor(configuration: CounterConfiguration<T>);
  inc(value?: number): void;
  inc(labels: LabelValues<T>, value?: number): void;
  inc(increase: IncreaseWithExemplar<T>): void;
  labels(...values: (string | number)[]): Counter.Internal;
  labels(labels: LabelValues<T>): Counter.Internal;
  get(): Promise<MetricObject & { values: MetricValue<T>[] }>;
}
export namespace Counter {
  interface Internal {
    inc(value?: number): void;
  }
}

export class Gauge<T extends string = string> extends Labelled<T> {
  constructor(configuration: GaugeConfiguration<T>);
  set(value: number): void;
  set(labels: LabelValues<T>, value: number): void;
  inc(value?: number): void;
  inc(labels: LabelValues<T>, value?: number): void;
  dec(value?: number): void;
  dec(labels: LabelValues<T>, value?: number): void;
  setToCurrentTime(labels?: LabelValues<T>): void;
  startTimer(labels?: LabelValues<T>): EndTimer<T>;
  labels(...values: (string | number)[]): Gauge.Internal<T>;
  labels(labels: LabelValues<T>): Gauge.Internal<T>;
  get(): Promise<MetricObject & { values: MetricValue<T>[] }>;
}
export namespace Gauge {
  interface Internal<T extends string> {
    set(value: number): void;
    inc(value?: number): void;
    dec(value?: number): void;
    setToCurrentTime(): void;
    startTimer(): EndTimer<T>;
  }
}

export interface ObservationWithExemplar<T extends string> {
  value: number;
  labels?: LabelValues<T>;
  exemplarLabels?: Record<string, string | number>;
}

declare abstract class Observing<T extends string> extends Labelled<T> {
  observe(value: number): void;
  observe(labels: LabelValues<T>, value: number): void;
  startTimer(labels?: LabelValues<T>): EndTimer<T>;
  get(): Promise<MetricObject & { values: MetricValue<string>[] }>;
}

export class Histogram<T extends string = string> extends Observing<T> {
  constructor(configuration: HistogramConfiguration<T>);
  observe(value: number): void;
  observe(labels: LabelValues<T>, value: number): void;
  observe(observation: ObservationWithExemplar<T>): void;
  zero(labels: LabelValues<T>): void;
  labels(...values: (string | number)[]): Histogram.Internal<T>;
  labels(labels: LabelValues<T>): Histogram.Internal<T>;
}
export namespace Histogram {
  interface Internal<T extends string> {
    observe(value: number): void;
    startTimer(): EndTimer<T>;
  }
}

export class Summary<T extends string = string> extends Observing<T> {
  constructor(configuration: SummaryConfiguration<T>);
  labels(...values: (string | number)[]): Summary.Internal<T>;
  labels(labels: LabelValues<T>): Summary.Internal<T>;
}
export namespace Summary {
  interface Internal<T extends string> {
    observe(value: number): void;
    startTimer(): EndTimer<T>;
  }
}

export type Metric<T extends string = string> = Counter<T> | Gauge<T> | Histogram<T> | Summary<T>;

export class Registry {
  static readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType;
  static readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType;
  static merge(registers: Registry[]): Registry;
  constructor(contentType?: RegistryContentType);
  readonly contentType: RegistryContentType;
  setContentType(contentType: RegistryContentType): void;
  /** Returns a promise of what Prometheus scrapes. */
  metrics(): Promise<string>;
  getMetricsAsJSON(): Promise<MetricObject[]>;
  getMetricsAsArray(): Metric[];
  getMetricsAsString(metric: Metric): Promise<string>;
  getSingleMetric(name: string): Metric | undefined;
  getSingleMetricAsString(name: string): Promise<string>;
  registerMetric<T extends string>(metric: Metric<T>): void;
  removeSingleMetric(name: string): void;
  setDefaultLabels(labels: object): void;
  resetMetrics(): void;
  clear(): void;
}

export class AggregatorRegistry extends Registry {
  /** Returns a promise of the metrics of all processes. */
  clusterMetrics(): Promise<string>;
  static aggregate(metrics: object[], contentType?: RegistryContentType): Registry;
  static setRegistries(registries: Registry | Registry[]): void;
}

export const register: Registry;

export interface DefaultMetricsCollectorConfiguration {
  register?: Registry;
  prefix?: string;
  labels?: object;
  gcDurationBuckets?: number[];
  eventLoopMonitoringPrecision?: number;
}
export const collectDefaultMetrics: {
  (configuration?: DefaultMetricsCollectorConfiguration): void;
  metricsList: string[];
};

export function linearBuckets(start: number, width: number, count: number): number[];
export function exponentialBuckets(start: number, factor: number, count: number): number[];
export function validateMetricName(name: string): boolean;
export const aggregators: Record<Aggregator, (metrics: MetricObject[]) => MetricObject | undefined>;
