#include "data/published.h"

#include <algorithm>

namespace dltonic::data {
namespace {

const std::vector<PublishedSet>& sets() {
  static const std::vector<PublishedSet> table{
      {"nmnist",
       "N-MNIST",
       "https://www.garrickorchard.com/datasets/n-mnist",
       {{"Train.zip", "20959b8e626244a1b502305a9e6e2031", "the training recordings"},
        {"Test.zip", "69ca8762b2fe404d9b9bad1103e97832", "the test recordings"},
        {"train.zip", "20959b8e626244a1b502305a9e6e2031", "the training recordings, as Tonic calls them"},
        {"test.zip", "69ca8762b2fe404d9b9bad1103e97832", "the test recordings, as Tonic calls them"}},
       {{"the original",
         60000,
         10000,
         0,
         {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949},
         {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009},
         {}}}},
      {"cifar10dvs",
       "CIFAR10-DVS",
       "https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671",
       {{"airplane.zip", "0afd5c4bf9ae06af762a77b180354fdd", "AEDAT 2.0"},
        {"automobile.zip", "8438dfeba3bc970c94962d995b1b9bdd", "AEDAT 2.0"},
        {"bird.zip", "a9c207c91c55b9dc2002dc21c684d785", "AEDAT 2.0"},
        {"cat.zip", "52c63c677c2b15fa5146a8daf4d56687", "AEDAT 2.0"},
        {"deer.zip", "b6bf21f6c04d21ba4e23fc3e36c8a4a3", "AEDAT 2.0"},
        {"dog.zip", "f379ebdf6703d16e0a690782e62639c3", "AEDAT 2.0"},
        {"frog.zip", "cad6ed91214b1c7388a5f6ee56d08803", "AEDAT 2.0"},
        {"horse.zip", "e7cbbf77bec584ffbf913f00e682782a", "AEDAT 2.0"},
        {"ship.zip", "41c7bd7d6b251be82557c6cce9a7d5c9", "AEDAT 2.0"},
        {"truck.zip", "89f3922fd147d9aeff89e76a2b0b70a7", "AEDAT 2.0"},
        {"CIFAR10DVS.zip", "ce3a4a0682dc0943703bd8f749a7701c", "Tonic's repack in AEDAT 4",
         "https://figshare.com/ndownloader/files/38023437"}},
       {{"the original and Tonic's repack", 0, 0, 10000, {}, {}, std::vector<std::uint64_t>(10, 1000)}}},
      {"dvsgesture",
       "DVS128 Gesture",
       "https://research.ibm.com/interactive/dvsgesture/",
       {{"DvsGesture.tar.gz", "8a5c71fb11e24e5ca5b11866ca6c00a1", "AEDAT 3.1 with labels"},
        {"ibmGestureTrain.tar.gz", "3a8f0d4120a166bac7591f77409cb105", "Tonic's repack, training recordings",
         "https://figshare.com/ndownloader/files/38022171"},
        {"ibmGestureTest.tar.gz", "56070e45dadaa85fff82e0fbfbc06de5", "Tonic's repack, test recordings",
         "https://figshare.com/ndownloader/files/38020584"}},
       {{"the original", 1176, 288, 0, {}, {}, {}}, {"Tonic's repack", 1077, 264, 0, {}, {}, {}}}},
      {"ncaltech101",
       "N-Caltech101",
       "https://www.garrickorchard.com/datasets/n-caltech101",
       {{"Caltech101.zip", "66201824eabb0239c7ab992480b50ba3", "all recordings"},
        {"N-Caltech101-archive.zip", "66201824eabb0239c7ab992480b50ba3", "all recordings, as Tonic calls them"},
        {"Caltech101_annotations.zip", "25e64cea645291e368db1e70f214988e", "outlines of the objects; not read"}},
       {{"the original", 0, 0, 8709, {}, {}, {}}}},
      {"ncars",
       "N-CARS",
       "https://www.prophesee.ai/2018/03/13/dataset-n-cars/",
       {{"Prophesee_Dataset_n_cars.zip", "553ce464d6e5e617b3c21ce27c19368e", "holds the other two"},
        {"n-cars_train.zip", "976d126a651b95d81800b05a3093337b", "the training recordings"},
        {"n-cars_test.zip", "3b5e8e9a5bffeb95614b8c0a2ba4e511", "the test recordings"}},
       {{"the original", 15422, 8607, 0, {7482, 7940}, {4211, 4396}, {}}}}};
  return table;
}

}  // namespace

const PublishedSet* published_set(const std::string& layout) {
  const auto found = std::find_if(sets().begin(), sets().end(), [&](const PublishedSet& set) { return set.layout == layout; });
  return found == sets().end() ? nullptr : &*found;
}

}  // namespace dltonic::data
