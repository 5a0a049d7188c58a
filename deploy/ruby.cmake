# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# The package for Ruby (component ruby), where Debian's interpreter looks for it.

install(TARGETS percpud_ruby LIBRARY DESTINATION ${PERCPUD_RUBY_ARCH_SITE}/percpud COMPONENT ruby)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/ruby/lib/
  DESTINATION lib/ruby/vendor_ruby COMPONENT ruby FILES_MATCHING PATTERN "*.rb")
# What RubyGems and Bundler know it by.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/ruby/percpud.gemspec CONTENT
"Gem::Specification.new do |gem|
  gem.name = \"percpud\"
  gem.version = \"${PROJECT_VERSION}\"
  gem.summary = \"Metrics that all processes of a host share\"
  gem.authors = [\"The percpud Authors\"]
  gem.license = \"Apache-2.0\"
  gem.require_paths = [\"lib\"]
end
")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ruby/percpud.gemspec
  DESTINATION share/rubygems-integration/${PERCPUD_RUBY_VERSION}/specifications
  RENAME percpud-${PROJECT_VERSION}.gemspec COMPONENT ruby)
