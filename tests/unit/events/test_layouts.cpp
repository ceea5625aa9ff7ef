/// The layouts of data sets, with their traps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/events/source.h"
#include "support/recording_writers.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kCifar{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

std::string fault_of(const SourceOptions& options) {
  try {
    const auto source = make_source(options);
    Recording recording;
    for (std::size_t i = 0; i < source->size(); ++i) source->read(i, recording);
  } catch (const Error& error) {
    return error_kind(error) + ": " + error.what();
  }
  return "no Error";
}

class Layouts : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& content) const {
    fs::create_directories((root_ / name).parent_path());
    write_file_atomic(root_ / name, content);
  }
  void put(const std::string& name, Format format, const std::vector<TimedEvent>& events) const {
    RecordingWriter writer(format, events.size());
    writer.write(events);
    const auto bytes = writer.take();
    put(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  SourceOptions options(const std::string& layout, int width, int height) const {
    SourceOptions options;
    options.root = root_.string();
    options.layout = layout;
    options.sensor_width = width;
    options.sensor_height = height;
    return options;
  }
  std::vector<std::string> names(const RecordingSource& source) const {
    std::vector<std::string> all;
    for (const auto& item : source.items()) all.push_back(item.name);
    return all;
  }

  fs::path root_ = fs::temp_directory_path() / ("dltonic_layouts_" + std::to_string(::getpid()));
  const std::vector<TimedEvent> few_{{5, 3, 4, 1}, {9, 30, 20, 0}, {9, 2, 2, 1}};
};

TEST_F(Layouts, AFolderOfClassesOfAnyFormat) {
  put("b/one.aedat", Format::aedat2, few_);
  put("b/two.aedat4", Format::aedat4, few_);
  put("a/deeper/three.dat", Format::dat, few_);
  put("a/four.bin", Format::atis, few_);
  put("a/five.npy", Format::npy, {{1000, 1, 1, 1}});
  put("a/six.aedat", Format::aedat3, few_);
  put("a/notes.txt", "no recording");
  put("empty/readme.md", "no class");
  put(".hidden/x.bin", "hidden");
  const auto source = make_source(options("folder", 128, 128));
  EXPECT_THAT(source->classes(), ElementsAre("a", "b"));
  EXPECT_THAT(names(*source),
              ElementsAre("a/deeper/three.dat", "a/five.npy", "a/four.bin", "a/six.aedat", "b/one.aedat", "b/two.aedat4"));
  EXPECT_THAT(source->describe(), HasSubstr("no published split"));
  Recording recording;
  for (std::size_t i = 0; i < source->size(); ++i) {
    source->read(i, recording);
    EXPECT_EQ(recording.split, Split::none);
    EXPECT_EQ(recording.events.x, i == 1 ? std::vector<std::uint16_t>{1} : (std::vector<std::uint16_t>{3, 30, 2}))
        << recording.source;
  }
  auto only = options("folder", 128, 128);
  only.format = "dat";
  EXPECT_THAT(names(*make_source(only)), ElementsAre("a/deeper/three.dat"));
}

TEST_F(Layouts, PartsOfAFolderMustHoldTheSameClasses) {
  put("train/x/1.bin", Format::atis, few_);
  put("test/x/1.bin", Format::atis, few_);
  EXPECT_EQ(make_source(options("folder", 34, 34))->item(1).split, Split::test);
  put("train/y/1.bin", Format::atis, few_);
  EXPECT_THAT(fault_of(options("folder", 34, 34)),
              AllOf(HasSubstr("train/y holds recordings"), HasSubstr("test/y holds none")));
}

TEST_F(Layouts, NmnistNeedsItsTenDigits) {
  for (int digit = 0; digit < 10; ++digit) put("wrapped/Train/" + std::to_string(digit) + "/1.bin", Format::atis, few_);
  EXPECT_EQ(make_source(options("nmnist", 34, 34))->size(), 10u);
  fs::remove_all(root_ / "wrapped" / "Train" / "4");
  EXPECT_THAT(fault_of(options("nmnist", 34, 34)), AllOf(HasSubstr("no recordings of class 4"), HasSubstr("archive missing")));
  fs::remove_all(root_ / "wrapped" / "Train");
  put("wrapped/readme.txt", "");
  EXPECT_THAT(fault_of(options("nmnist", 34, 34)),
              AllOf(HasSubstr("holds no folder Train or Test"), HasSubstr("<root>/{Train,Test}/<label>/*.bin")));
}

TEST_F(Layouts, Cifar10DvsInBothForms) {
  for (const auto& name : kCifar) {
    put(name + "/cifar10_" + name + "_0.aedat", Format::aedat2, few_);
    put(name + "/cifar10_" + name + "_1.aedat", Format::aedat2, few_);
  }
  const auto source = make_source(options("cifar10dvs", 128, 128));
  EXPECT_EQ(source->classes(), kCifar);
  ASSERT_EQ(source->size(), 20u);
  EXPECT_EQ(source->item(7).label, 3);
  EXPECT_EQ(source->item(7).split, Split::none);
  Recording upright, raw;
  source->read(0, upright);
  auto other = options("cifar10dvs", 128, 128);
  other.aedat2_convention = "raw";
  make_source(other)->read(0, raw);
  EXPECT_EQ(upright.events.x[0], 127 - raw.events.x[0]);
  EXPECT_EQ(upright.events.p[0], 1 - raw.events.p[0]);
  fs::remove_all(root_ / "truck");
  EXPECT_THAT(fault_of(options("cifar10dvs", 128, 128)), HasSubstr("no recordings of class truck"));

  fs::remove_all(root_);
  for (const auto& name : kCifar) put("CIFAR10DVS/" + name + "/cifar10_" + name + "_0.aedat4", Format::aedat4, few_);
  EXPECT_EQ(make_source(options("cifar10dvs", 128, 128))->size(), 10u);
}

TEST_F(Layouts, TimesThatStepBackFailOrAreSorted) {
  put("a/1.aedat", Format::aedat2, {{100, 1, 1, 1}, {90, 2, 2, 1}, {100, 3, 3, 1}, {90, 4, 4, 0}});
  auto options = this->options("folder", 128, 128);
  EXPECT_THAT(fault_of(options), AllOf(HasSubstr("a/1.aedat"), HasSubstr("backwards"), HasSubstr("data.unsorted=sort")));
  options.unsorted = "sort";
  const auto source = make_source(options);
  RecordingSource::Scratch scratch;
  const ReadNotes notes = source->read_unit(0, scratch, [](std::size_t, const Recording& recording) {
    EXPECT_THAT(recording.events.x, ElementsAre(2, 4, 1, 3));
    EXPECT_EQ(recording.duration, 10u);
  });
  EXPECT_EQ(notes.sorted, 1u);
}

TEST_F(Layouts, Ncaltech101CentresEachRecording) {
  put("Caltech101/BACKGROUND_Google/image_0001.bin", Format::atis, {{1, 9, 19, 1}, {2, 2, 3, 0}});             // 10 x 20 pixels
  put("Caltech101/airplanes/image_0001.bin", Format::atis, {{1, 239, 59, 1}, {2, 0, 0, 0}, {3, 120, 30, 0}});  // 240 x 60
  put("Caltech101_annotations/airplanes/annotation_0001.bin", "no recording");
  auto options = this->options("ncaltech101", 100, 60);
  options.placement = "centred";
  const auto source = make_source(options);
  EXPECT_THAT(source->classes(), ElementsAre("BACKGROUND_Google", "airplanes"));
  Recording recording;
  source->read(0, recording);
  EXPECT_THAT(recording.events.x, ElementsAre(54, 47));  // shifted by (100 − 10) / 2, positions kept
  EXPECT_THAT(recording.events.y, ElementsAre(39, 23));
  EXPECT_EQ(recording.width, 10);
  EXPECT_EQ(recording.height, 20);
  RecordingSource::Scratch scratch;
  const ReadNotes notes = source->read_unit(1, scratch, [](std::size_t, const Recording& cropped) {
    EXPECT_THAT(cropped.events.x, ElementsAre(50));  // 70 columns are cut off on each side
    EXPECT_EQ(cropped.width, 240);
  });
  EXPECT_EQ(notes.outside_events, 2u);
  options.placement = "fixed";
  EXPECT_THAT(fault_of(options), HasSubstr("image_0001.bin"));
}

TEST_F(Layouts, WhatPublishersPutAroundAnArchiveIsPassed) {
  for (const std::string name : {"Faces", "airplanes"}) {
    put("cy6cvx3ryv-1/Caltech101/" + name + "/image_0001.bin", Format::atis, few_);
    put("cy6cvx3ryv-1/Caltech101_annotations/" + name + "/annotation_0001.bin", "no recording");
  }
  EXPECT_THAT(names(*make_source(options("ncaltech101", 34, 34))),
              ElementsAre("cy6cvx3ryv-1/Caltech101/Faces/image_0001.bin", "cy6cvx3ryv-1/Caltech101/airplanes/image_0001.bin"));
  fs::remove_all(root_);
  for (const std::string part : {"n-cars_train", "n-cars_test"}) {
    for (const std::string name : {"cars", "background"})
      put("NCARS Dataset/Prophesee_Dataset_n_cars/" + part + "/" + name + "/obj_1_td.dat", Format::dat, few_);
  }
  EXPECT_EQ(make_source(options("ncars", 120, 100))->size(), 4u);
}

TEST_F(Layouts, Ncars) {
  for (const std::string part : {"n-cars_train", "n-cars_test"}) {
    for (const std::string name : {"cars", "background"}) put(part + "/" + name + "/obj_1_td.dat", Format::dat, few_);
  }
  const auto source = make_source(options("ncars", 120, 100));
  EXPECT_THAT(source->classes(), ElementsAre("background", "cars"));
  EXPECT_THAT(names(*source), ElementsAre("n-cars_train/background/obj_1_td.dat", "n-cars_train/cars/obj_1_td.dat",
                                          "n-cars_test/background/obj_1_td.dat", "n-cars_test/cars/obj_1_td.dat"));
}

class Gestures : public Layouts {
 protected:
  /// 100 events, 10 us apart, from 1000 on; x is the event's number.
  std::vector<TimedEvent> hundred() const {
    std::vector<TimedEvent> events;
    for (int i = 0; i < 100; ++i) events.push_back({1000 + 10 * i, static_cast<std::uint16_t>(i), 5, 1});
    return events;
  }
  void trial(const std::string& name, const std::string& labels) const {
    put("DvsGesture/" + name + ".aedat", Format::aedat3, hundred());
    put("DvsGesture/" + name + "_labels.csv", "class,startTime_usec,endTime_usec\n" + labels);
  }
};

TEST_F(Gestures, EachSpanIsARecording) {
  trial("user24_led", "11,1000,1010\n");
  trial("user01_fluorescent", "1,1000,1100\n8,1200,1300\n8,1310,1320\n");
  trial("user22_led", "9,1000,1500\n10,1400,1600\n");  // the end of class 9 lies behind the start of class 10
  put("DvsGesture/trials_to_train.txt", "user22_led.aedat\r\nuser01_fluorescent.aedat\r\n\r\n");
  put("DvsGesture/trials_to_test.txt", "user24_led.aedat\n");
  put("DvsGesture/gesture_mapping.csv", "action,label\n");
  const auto source = make_source(options("dvsgesture", 128, 128));
  EXPECT_EQ(source->classes().size(), 11u);
  EXPECT_EQ(source->units().size(), 3u);
  ASSERT_THAT(names(*source), ElementsAre("DvsGesture/user01_fluorescent.aedat#0", "DvsGesture/user01_fluorescent.aedat#1",
                                          "DvsGesture/user01_fluorescent.aedat#2", "DvsGesture/user22_led.aedat#0",
                                          "DvsGesture/user22_led.aedat#1", "DvsGesture/user24_led.aedat#0"));
  std::vector<std::size_t> events;
  std::vector<int> labels;
  RecordingSource::Scratch scratch;
  for (std::size_t unit = 0; unit < 3; ++unit) {
    source->read_unit(unit, scratch, [&](std::size_t, const Recording& recording) {
      events.push_back(recording.events.size());
      labels.push_back(recording.label);
    });
  }
  EXPECT_THAT(events, ElementsAre(10, 10, 1, 50, 20, 1));
  EXPECT_THAT(labels, ElementsAre(0, 7, 7, 8, 9, 10));
  Recording recording;
  source->read(4, recording);
  EXPECT_EQ(recording.events.x.front(), 40);
  EXPECT_EQ(recording.events.t.front(), 0u);
  EXPECT_EQ(recording.t_offset, 1400);
  EXPECT_EQ(recording.subject, 22);
  EXPECT_EQ(source->item(5).split, Split::test);
}

TEST_F(Gestures, WhatIsMissingIsNamed) {
  trial("user01_led", "1,1000,1100\n");
  put("DvsGesture/trials_to_train.txt", "user01_led.aedat\nuser02_led.aedat\n");
  EXPECT_THAT(fault_of(options("dvsgesture", 128, 128)), HasSubstr("trials_to_test.txt is missing"));
  put("DvsGesture/trials_to_test.txt", "");
  EXPECT_THAT(fault_of(options("dvsgesture", 128, 128)),
              HasSubstr("trials_to_train.txt names user02_led.aedat, which is not there"));
  put("DvsGesture/user02_led.aedat", Format::aedat3, hundred());
  EXPECT_THAT(fault_of(options("dvsgesture", 128, 128)), HasSubstr("user02_led_labels.csv is missing"));
  put("DvsGesture/user02_led_labels.csv", "class,startTime_usec,endTime_usec\n12,1000,1100\n");
  EXPECT_THAT(fault_of(options("dvsgesture", 128, 128)), AllOf(HasSubstr("user02_led_labels.csv"), HasSubstr("class 12")));
}

TEST_F(Gestures, WithoutListsUsersDecide) {
  trial("user23_led", "1,1000,1100\n");
  trial("user24_lab", "1,1000,1100\n");
  const auto source = make_source(options("dvsgesture", 128, 128));
  EXPECT_EQ(source->item(0).split, Split::train);
  EXPECT_EQ(source->item(1).split, Split::test);
}

TEST_F(Gestures, TheRepack) {
  put("ibmGestureTrain/user01_fluorescent/0.npy", Format::npy, {{1000, 1, 2, 1}, {3000, 1, 2, 0}});
  put("ibmGestureTrain/user01_fluorescent/10.npy", Format::npy, {{1000, 1, 2, 1}});
  put("ibmGestureTest/user24_led/3.npy", Format::npy, {{1000, 1, 2, 1}});
  const auto source = make_source(options("dvsgesture", 128, 128));
  ASSERT_EQ(source->size(), 3u);
  EXPECT_EQ(source->item(1).label, 10);
  EXPECT_EQ(source->item(2).label, 3);
  EXPECT_EQ(source->item(2).split, Split::test);
  EXPECT_EQ(source->item(2).subject, 24);
  Recording recording;
  source->read(0, recording);
  EXPECT_EQ(recording.duration, 2000u);  // the writer's times are in milliseconds
  put("ibmGestureTest/user24_led/11.npy", Format::npy, {{1000, 1, 2, 1}});
  EXPECT_THAT(fault_of(options("dvsgesture", 128, 128)), HasSubstr("is not named by its class"));
}

}  // namespace
}  // namespace dltonic::events
