<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

require_once __DIR__ . '/promphp.php';
require_once getenv('PERCPUD_PHP_DIR') . '/Percpud/autoload.php';

use Percpud\Storage;
use PHPUnit\Framework\TestCase;
use Prometheus\MetricFamilySamples;
use Prometheus\Storage\Adapter;

/** What promphp's metrics ask of a storage. Each test begins with a wipe, as promphp's do. */
final class StorageTest extends TestCase
{
    private Storage $storage;

    protected function setUp(): void
    {
        $this->storage = new Storage('contract');
        $this->storage->wipeStorage();
    }

    /** What a metric of promphp gives to a storage. */
    private static function data(string $type, array $labels, float|int $value, array $more = []): array
    {
        return $more + ['name' => 'test_some_metric', 'help' => 'this is for testing', 'type' => $type,
            'labelNames' => array_keys($labels), 'labelValues' => array_values($labels), 'value' => $value,
            'command' => Adapter::COMMAND_INCREMENT_FLOAT];
    }

    private function add(float|int $value = 1, array $labels = [], array $more = []): void
    {
        $this->storage->updateCounter(self::data('counter', $labels, $value, $more));
    }

    private function gauge(float|int $value, array $labels = [], int $command = Adapter::COMMAND_SET): void
    {
        $this->storage->updateGauge(self::data('gauge', $labels, $value, ['command' => $command]));
    }

    private function observe(float|int $value, array $labels = [], array $buckets = [100, 200, 300]): void
    {
        $this->storage->updateHistogram(self::data('histogram', $labels, $value, ['buckets' => $buckets]));
    }

    private static function sample(string $suffix, array $values, float|int $value, array $names = []): array
    {
        return ['name' => 'test_some_metric' . $suffix, 'labelNames' => $names, 'labelValues' => $values,
            'value' => $value];
    }

    private function assertCollects(string $type, array $labels, array $samples): void
    {
        self::assertEquals([new MetricFamilySamples(['name' => 'test_some_metric', 'type' => $type,
            'help' => 'this is for testing', 'labelNames' => $labels, 'samples' => $samples])],
            $this->storage->collect());
    }

    public function testACounterAddsUp(): void
    {
        $this->add(1, ['foo' => 'lalal', 'bar' => 'lululu']);
        $this->add(123, ['foo' => 'lalal', 'bar' => 'lululu'],
            ['command' => Adapter::COMMAND_INCREMENT_INTEGER]);
        $this->add(1.5, ['foo' => 'lalal', 'bar' => 'lululu']);
        $this->assertCollects('counter', ['foo', 'bar'], [self::sample('', ['lalal', 'lululu'], 125.5)]);
    }

    public function testWholeNumbersAreIntegersAndOthersAreNot(): void
    {
        $this->add(1e15);
        self::assertSame(1000000000000000, $this->storage->collect()[0]->samples[0]->value);
        $this->add(0.5);
        self::assertSame(1000000000000000.5, $this->storage->collect()[0]->samples[0]->value);
    }

    public function testACounterDoesNotFall(): void
    {
        $this->add(2);
        $this->add(-1);
        $this->assertCollects('counter', [], [self::sample('', [], 2)]);
    }

    public function testTheCommandToSetACounterHasItBeginAtZeroAgain(): void
    {
        $this->add(2, ['foo' => 'a']);
        $this->add(3, ['foo' => 'b']);
        $this->add(5, ['foo' => 'a'], ['command' => Adapter::COMMAND_SET]);
        $this->add(5, ['foo' => 'c'], ['command' => Adapter::COMMAND_SET]);
        $this->assertCollects('counter', ['foo'],
            [self::sample('', ['a'], 0), self::sample('', ['b'], 3), self::sample('', ['c'], 0)]);
        $this->add(1, ['foo' => 'a']);
        self::assertSame(1, $this->storage->collect()[0]->samples[0]->value);
    }

    public function testAGaugeIsSetAndAddedTo(): void
    {
        $this->gauge(123);
        $this->gauge(321);
        $this->gauge(-1.5, [], Adapter::COMMAND_INCREMENT_FLOAT);
        $this->gauge(2, [], Adapter::COMMAND_INCREMENT_INTEGER);
        $this->assertCollects('gauge', [], [self::sample('', [], 321.5)]);
    }

    public function testAGaugeThatIsAddedToBeginsAtZero(): void
    {
        $this->gauge(-124, ['foo' => 'x'], Adapter::COMMAND_INCREMENT_FLOAT);
        $this->assertCollects('gauge', ['foo'], [self::sample('', ['x'], -124)]);
    }

    public function testAHistogramHasItsBucketsThenCountAndSum(): void
    {
        $this->observe(123, ['foo' => 'lalal']);
        $this->observe(245, ['foo' => 'lalal']);
        $this->observe(300, ['foo' => 'lalal']);
        $this->observe(301, ['foo' => 'lalal']);
        $this->assertCollects('histogram', ['foo'], [
            self::sample('_bucket', ['lalal', '100'], 0, ['le']),
            self::sample('_bucket', ['lalal', '200'], 1, ['le']),
            self::sample('_bucket', ['lalal', '300'], 3, ['le']),
            self::sample('_bucket', ['lalal', '+Inf'], 4, ['le']),
            self::sample('_count', ['lalal'], 4),
            self::sample('_sum', ['lalal'], 969),
        ]);
    }

    public function testBoundsAreWrittenAsPhpWritesThem(): void
    {
        $this->observe(0.11, [], [0.005, 0.1, 1.0, 2.5, 10]);
        $bounds = array_map(static fn ($sample) => end($sample->labelValues),
            array_slice($this->storage->collect()[0]->samples, 0, 6));
        self::assertSame(['0.005', '0.1', '1', '2.5', '10', '+Inf'], $bounds);
    }

    public function testASummaryHasCountAndSum(): void
    {
        foreach (range(0, 10) as $value) {
            $this->storage->updateSummary(self::data('summary', ['foo' => 'x'], $value,
                ['maxAgeSeconds' => 60, 'quantiles' => [0.5]]));
        }
        $this->assertCollects('summary', ['foo'],
            [self::sample('_count', ['x'], 11), self::sample('_sum', ['x'], 55)]);
    }

    public function testSamplesAreInTheOrderOfTheirLabelValues(): void
    {
        foreach (['bbb', 'ddd', 'aaa', 'ccc'] as $value) {
            $this->gauge(35, ['foo' => $value]);
        }
        $values = static fn (array $families) => array_map(
            static fn ($sample) => $sample->labelValues[0], $families[0]->samples);
        self::assertSame(['aaa', 'bbb', 'ccc', 'ddd'], $values($this->storage->collect()));
        self::assertSame(['bbb', 'ddd', 'aaa', 'ccc'], $values($this->storage->collect(false)));
    }

    public function testFamiliesAreInTheOrderOfTheirTypesAndThenOfTheirMaking(): void
    {
        $named = static fn (string $name) => ['name' => $name, 'buckets' => [1]];
        $this->storage->updateSummary(self::data('summary', [], 1, $named('a')));
        $this->storage->updateHistogram(self::data('histogram', [], 1, $named('b')));
        $this->storage->updateGauge(self::data('gauge', [], 1, $named('c')));
        $this->storage->updateCounter(self::data('counter', [], 1, $named('e')));
        $this->storage->updateCounter(self::data('counter', [], 1, $named('d')));
        self::assertSame(['e', 'd', 'c', 'b', 'a'],
            array_map(static fn ($family) => $family->name, $this->storage->collect()));
    }

    public function labelValues(): array
    {
        $cases = ['empty' => [''], 'umlauts' => ['Zürich'], 'emoji' => ['🐘'], 'newline' => ["a\nb"]];
        for ($code = 32; $code <= 126; ++$code) {
            $cases["ASCII $code"] = [chr($code)];
        }
        return $cases;
    }

    /** @dataProvider labelValues */
    public function testALabelValueIsAnyText(string $value): void
    {
        $this->add(1, ['foo' => $value]);
        $this->add(1, ['foo' => $value, 'bar' => "$value."], ['name' => 'two']);
        [$one, $two] = $this->storage->collect();
        self::assertSame([$value], $one->samples[0]->labelValues);
        self::assertSame([$value, "$value."], $two->samples[0]->labelValues);
    }

    public function testWhatIsNotTextIsReplaced(): void
    {
        $this->add(1, ['foo' => "a\0b\xff"]);
        $this->add(2, ['foo' => 7]);
        $this->add(3, ['foo' => null]);
        $this->assertCollects('counter', ['foo'], [self::sample('', [''], 3), self::sample('', ['7'], 2),
            self::sample('', ["a\u{fffd}b\u{fffd}"], 1)]);
    }

    public function testLabelsThatOnlySeemTheSameAreApart(): void
    {
        $this->add(1, ['foo' => 'ab', 'bar' => 'c']);
        $this->add(2, ['foo' => 'a', 'bar' => 'bc']);
        $values = array_map(static fn ($sample) => $sample->value, $this->storage->collect(false)[0]->samples);
        self::assertSame([1, 2], $values);
    }

    public function testAWipeTakesEverythingAndAnotherShapeMayFollow(): void
    {
        $this->add(1, ['foo' => 'x']);
        $this->storage->updateGauge(self::data('gauge', [], 2, ['name' => 'g']));
        $this->storage->updateHistogram(self::data('histogram', [], 3, ['name' => 'h', 'buckets' => [1]]));
        $this->storage->wipeStorage();
        self::assertSame([], $this->storage->collect());
        $this->add(4, ['bar' => 'y']);
        $this->assertCollects('counter', ['bar'], [self::sample('', ['y'], 4)]);
    }

    public function testStoragesOfOneNamespaceAreOneAndOthersAreApart(): void
    {
        $this->add(1);
        (new Storage('contract'))->updateCounter(self::data('counter', [], 2));
        (new Storage('another'))->wipeStorage();
        (new Storage('another'))->updateCounter(self::data('counter', [], 4));
        $this->assertCollects('counter', [], [self::sample('', [], 3)]);
    }

    public function testTextIsRenderedAsTheExporterDoes(): void
    {
        $this->add(2, ['foo' => 'a"b']);
        self::assertStringContainsString("test_some_metric_total{foo=\"a\\\"b\"} 2\n", $this->storage->render());
        self::assertStringEndsWith("# EOF\n", $this->storage->render(true));
    }

    public function testDataThatDescribesNothingIsRefusedByName(): void
    {
        $refused = function (array $more): string {
            try {
                $this->storage->updateHistogram($more + self::data('histogram', ['foo' => 'x'], 1));
            } catch (ValueError $error) {
                return $error->getMessage();
            }
            return 'nothing';
        };
        self::assertStringContainsString('"buckets"', $refused([]));
        self::assertStringContainsString('"buckets"', $refused(['buckets' => [2, 1]]));
        self::assertStringContainsString('"labelValues"', $refused(['labelValues' => ['a', 'b'], 'buckets' => [1]]));
        self::assertStringContainsString('"labelNames"', $refused(['labelNames' => 'foo', 'buckets' => [1]]));
        self::assertStringContainsString('"name"', $refused(['name' => 3, 'buckets' => [1]]));
    }
}
