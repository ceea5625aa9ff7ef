#include "app/command.h"

#include "dltonic/core/text.h"

namespace dltonic::app {

void ConfigArguments::add_to(CLI::App& command) {
  command.add_option("config", words,
                     "a configuration file and KEY=VALUE overrides; experiment=, dataset=, model= choose files of configs/");
  command.add_flag("--help-config", help_config, "list every key of the configuration with type, default, unit and meaning");
}

std::string ConfigArguments::typed() const { return join(words, " "); }

}  // namespace dltonic::app
