# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# The gem is built and installed from the checkout, without a network, and counts.

require "minitest/autorun"
require "rig"

class GemTest < Rig::Test
  SOURCE = File.expand_path("../../../client/ruby", __dir__)

  def run_command(*command, **more)
    out, status = Open3.capture2e(*command, **more)
    assert status.success?, "#{command.join(" ")}: #{out}"
    out
  end

  def test_it_installs_and_counts
    Dir.mktmpdir("percpud-gem-") do |folder|
      file = "#{folder}/percpud.gem"
      run_command("/usr/bin/gem", "build", "percpud.gemspec", "--output", file, chdir: SOURCE)
      plain = { "RUBYLIB" => nil, "GEM_HOME" => "#{folder}/home", "GEM_PATH" => "#{folder}/home" }
      run_command(plain, "/usr/bin/gem", "install", "--local", "--no-document", file, "--",
                  "--with-percpud-checkout=#{File.expand_path("../..", SOURCE)}",
                  "--with-percpud-build=#{File.dirname(Rig::BINARIES)}")
      out = run_command(plain, RbConfig.ruby, "-e", <<~RUBY)
        require "percpud"
        counter = Percpud.open("gem").counter("c")
        print counter.increment(3).total, " ", Gem.loaded_specs["percpud"].version
      RUBY
      assert_equal "3.0 #{Percpud::VERSION}", out
    end
  end
end
