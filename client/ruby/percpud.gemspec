# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require_relative "lib/percpud/version"

Gem::Specification.new do |gem|
  gem.name = "percpud"
  gem.version = Percpud::VERSION
  gem.summary = "Metrics that all processes of a host share"
  gem.description = "Counters, gauges, histograms and summaries of prefork servers, in shared " \
                    "memory that outlives each process. With prometheus-client, and by itself."
  gem.authors = ["The percpud Authors"]
  gem.license = "Apache-2.0"
  gem.homepage = "https://percpud.invalid/"
  gem.required_ruby_version = ">= 3.0"
  gem.files = Dir.chdir(__dir__) { Dir["lib/**/*.rb", "ext/**/*.{c,h,rb}", "README.md"].sort }
  gem.extensions = ["ext/percpud/extconf.rb"]
  gem.metadata["rubygems_mfa_required"] = "true"
end
