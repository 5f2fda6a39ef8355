/* Teaches a bundle's model new labels, and predicts with it: what `desire-edge adapt` and `desire-edge
 * predict` do. */
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "bundle.h"
#include "error.h"
#include "files.h"
#include "predictor.h"
#include "text.h"

namespace app {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

const char kUsage[] =
    "desire_edge_app adapt BUNDLE --out OUT [--support FOLDER] [--labels a,b] [--missing negative|unknown] "
    "[--threads N] [--json]\n"
    "desire_edge_app predict MODEL FILE... [--known-labels a,b] [--threads N] [--json]\n"
    "desire_edge_app predict --bundle BUNDLE TASK FILE... [--known-labels a,b] [--threads N] [--json]\n"
    "\n"
    "adapt teaches the model of BUNDLE (a folder) new labels from the examples of FOLDER, or from the "
    "labels' names\n"
    "alone, and writes OUT/model.onnx, which any ONNX Runtime runs, and OUT/task.safetensors, what it was "
    "taught.\n"
    "predict says which labels MODEL (OUT/model.onnx) sees in FILE: .txt, .npy, .json, .png or .jpg. With "
    "--bundle it\n"
    "goes by the user's part in the folder TASK (task.onnx_adapter and task.json) and the base in BUNDLE.\n"
    "N threads run a model, one by default; 0 takes all cores.\n";

const char kModel[] = "model.onnx", kTask[] = "task.safetensors";
constexpr int kMostThreads = 1024;

/* Arguments in their order, and options with their values. */
struct Arguments {
  Names positional;
  std::map<std::string, std::string> options;

  bool has(const std::string& name) const { return options.count(name) > 0; }
};

Arguments parse_arguments(const Names& given, const std::set<std::string>& with_value) {
  Arguments parsed;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].compare(0, 2, "--") != 0) {
      parsed.positional.push_back(given[i]);
    } else if (given[i] == "--json") {
      parsed.options["--json"] = "";
    } else if (!with_value.count(given[i])) {
      refuse("invalid"_code, "there is no option ", given[i], "; see --help");
    } else if (i + 1 == given.size()) {
      refuse("invalid"_code, "the option ", given[i], " needs a value");
    } else {
      parsed.options[given[i]] = given[i + 1];
      ++i;
    }
  }
  return parsed;
}

/* The names of an option, which commas separate. */
Names names_in(const std::string& list, const std::string& option) {
  return check_names(split_names(list, ','), option);
}

/* How many threads the options ask for. */
int threads_in(const Arguments& arguments) {
  if (!arguments.has("--threads")) return 1;
  const std::string& text = arguments.options.at("--threads");
  const bool digits = !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == text.npos;
  if (!digits || std::stoi(text) > kMostThreads) {
    refuse("invalid"_code, "--threads is '", text, "'; it must be a number from 1 to ", kMostThreads,
           ", or 0 for all cores");
  }
  return std::stoi(text);
}

void print_json(const Json& value) {
  std::cout << value.dump(2, ' ', true, Json::error_handler_t::replace) << "\n";
}

/* Refuses to replace a folder that holds anything but an earlier task. */
void check_replaceable(const fs::path& out) {
  if (!fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out))) return;
  const bool part = fs::is_regular_file(out / kAdapter), model = fs::is_regular_file(out / kModel);
  const std::set<std::string> files = {kModel, kTask, kAdapter, kSaid};
  bool ours = fs::is_directory(out) && (part || model);
  for (auto entry = fs::directory_iterator(out); ours && entry != fs::directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    ours = files.count(name) || std::find(kAssets.begin(), kAssets.end(), name) != kAssets.end();
  }
  // Anyone may have a folder with a model.onnx alone; the names of the labels mark one of ours.
  if (ours && !part)
    ours = read_file(out / kModel, uint64_t{1} << 31).find("desire_edge.labels") != std::string::npos;
  if (!ours) {
    refuse("invalid"_code, out.string(),
           " exists and is not an adapted task; choose another --out, or remove it");
  }
}

/* What adapting did, as `desire-edge adapt --json` prints it. */
Json report_of(const Task& task, const fs::path& out) {
  Json labels = Json::array();
  for (size_t i = 0; i < task.labels.entries.size(); ++i) {
    const LabelVector& label = task.labels.entries[i];
    const LabelCounts counts = task.support.counts(static_cast<int64_t>(i));
    labels.push_back({{"name", label.name},
                      {"positives", counts.positives},
                      {"negatives", counts.negatives},
                      {"unknown", counts.unknown},
                      {"threshold", task.head.thresholds[i]},
                      {"how", label.how},
                      {"known_words", label.known},
                      {"unknown_words", label.unknown}});
  }
  return {{"out", out.string()},
          {"labels", labels},
          {"examples", task.support.targets.rows},
          {"new_examples", task.support.targets.rows},
          {"known_labels", task.known_labels},
          {"loss_before", task.head.losses.front()},
          {"loss_after", task.head.losses.back()},
          {"loss_held_out", task.head.held_out_loss < 0 ? Json() : Json(task.head.held_out_loss)},
          {"text_words", task.text_words},
          {"known_text_words", task.known_text_words},
          {"extract_seconds", task.extract_seconds},
          {"adapt_seconds", task.adapt_seconds},
          {"provider", "cpu"},
          {"conditioning", task.head.conditioning},
          {"warnings", task.warnings}};
}

void adapt(const Names& given) {
  const Arguments arguments =
      parse_arguments(given, {"--support", "--out", "--labels", "--missing", "--threads"});
  const auto option = [&](const char* name) { return arguments.has(name) ? arguments.options.at(name) : ""; };
  const bool unknown = missing_is_unknown(arguments.has("--missing") ? option("--missing") : "negative");
  const fs::path out = option("--out");
  if (arguments.positional.size() != 1 || out.empty())
    refuse("invalid"_code, "name a BUNDLE and --out OUT; see --help");
  if (!arguments.has("--support") && !arguments.has("--labels")) {
    refuse("invalid"_code,
           "name a folder of examples with --support, or go by names alone with --labels a,b,c");
  }
  check_replaceable(out);
  const Names asked = arguments.has("--labels") ? names_in(option("--labels"), "--labels") : Names();

  Bundle bundle(arguments.positional[0], threads_in(arguments));
  const Support support = arguments.has("--support") ? read_support(option("--support")) : Support();
  const Task task = bundle.adapt(support, asked.empty() ? support.names() : asked, unknown);
  std::map<std::string, std::string> files = task.assets;
  files[kModel] = task.model;
  files[kTask] = task.taught;
  write_folder(out, files);

  const Json report = report_of(task, out);
  if (arguments.has("--json")) {
    print_json(report);
    return;
  }
  for (const auto& label : report["labels"]) {
    std::printf("%-24s %3d with it, %3d without; said from a probability of %.2f; understood as %s\n",
                shown(label["name"]).c_str(), label["positives"].get<int>(), label["negatives"].get<int>(),
                label["threshold"].get<double>(), label["how"].get<std::string>().c_str());
  }
  std::printf("%d examples, loss %.3f -> %.3f, %.1f ms in the extractor, %.1f ms to adapt -> %s\n",
              report["examples"].get<int>(), report["loss_before"].get<double>(),
              report["loss_after"].get<double>(), 1e3 * task.extract_seconds, 1e3 * task.adapt_seconds,
              shown((out / kModel).string()).c_str());
  for (const std::string& warning : task.warnings) std::cerr << "warning: " << shown(warning) << "\n";
}

void predict(const Names& given) {
  const Arguments arguments = parse_arguments(given, {"--bundle", "--known-labels", "--threads"});
  if (arguments.positional.size() < 2)
    refuse("invalid"_code, "name a MODEL and one FILE or more; see --help");
  const std::string model = arguments.positional[0];
  const Names files(arguments.positional.begin() + 1, arguments.positional.end());
  Names known;
  if (arguments.has("--known-labels"))
    known = names_in(arguments.options.at("--known-labels"), "--known-labels");

  const int threads = threads_in(arguments);
  Predictor predictor = arguments.has("--bundle")
                            ? Predictor(Bundle(arguments.options.at("--bundle"), threads), model)
                            : Predictor(model, threads);
  std::vector<Features> features;
  for (const std::string& file : files)
    features.push_back(predictor.input().features_of(read_input(file), file));
  const Matrix rows =
      known_rows(std::vector<Names>(files.size(), known), files, predictor.known_labels(), model);
  const Matrix probabilities = predictor.predict(features, rows);

  Json predictions = Json::array();
  for (int64_t row = 0; row < probabilities.rows; ++row) {
    Json all = Json::object();
    Names said;
    for (int64_t i = 0; i < probabilities.columns; ++i) {
      const std::string& label = predictor.labels()[i];
      all[label] = probabilities[row][i];
      if (probabilities[row][i] >= predictor.thresholds()[i]) said.push_back(label);
    }
    predictions.push_back({{"file", files[row]},
                           {"known_labels", known},
                           {"labels", said},
                           {"none", said.empty()},
                           {"probabilities", all}});
  }
  if (arguments.has("--json")) {
    print_json({{"provider", "cpu"}, {"predictions", predictions}});
    return;
  }
  for (const auto& prediction : predictions) {
    std::cout << shown(prediction["file"]) << (prediction["none"] ? ": none of these" : "") << "\n";
    for (const auto& [label, probability] : prediction["probabilities"].items()) {
      const auto& said = prediction["labels"];
      const bool holds = std::find(said.begin(), said.end(), label) != said.end();
      std::printf("  %c %.3f %s\n", holds ? '*' : ' ', probability.get<double>(), shown(label).c_str());
    }
  }
  for (const std::string& warning : unknown_texts(features, files))
    std::cerr << "warning: " << shown(warning) << "\n";
}

int run(const Names& given) {
  const std::string command = given.empty() ? "--help" : given[0];
  const Names rest(given.begin() + !given.empty(), given.end());
  if (command == "--help" || std::find(rest.begin(), rest.end(), "--help") != rest.end()) {
    std::cout << kUsage;
  } else if (command == "adapt") {
    adapt(rest);
  } else if (command == "predict") {
    predict(rest);
  } else {
    refuse("invalid"_code, "there is no command '", command, "'; use adapt or predict");
  }
  return 0;
}

/* Says what was refused: a sentence for people and, for programs, its code with it. */
int report_error(const Names& given, const std::string& code, const std::string& message) {
  std::cerr << "error: " << shown(message) << "\n";
  if (std::find(given.begin(), given.end(), "--json") != given.end()) {
    print_json({{"error", {{"code", code}, {"message", message}}}});
  }
  return 2;
}

}  // namespace
}  // namespace app

int main(int count, char** arguments) {
  const app::Names given(arguments + 1, arguments + count);
  try {
    return app::run(given);
  } catch (const app::Error& error) {
    return app::report_error(given, error.code(), error.what());
  } catch (const std::exception& error) {  // what the system, ONNX Runtime or a library says
    return app::report_error(given, "invalid", error.what());
  }
}
