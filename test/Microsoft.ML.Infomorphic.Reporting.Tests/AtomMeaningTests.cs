using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public class AtomMeaningTests
{
    [TestMethod]
    [DataRow("{F}{C}", "FCL", "what F and C say redundantly, each on its own")]
    [DataRow("{F}{C}{L}", "FCL", "what F, C and L say redundantly, each on its own")]
    [DataRow("{C}", "FC", "what C alone says, and the other source does not: its unique information")]
    [DataRow("{F}{CL}", "FCL", "what is said redundantly by F on its own, and also by C and L only together")]
    [DataRow("{FCL}", "FCL", "what F, C and L say only together, each of them alone silent: synergy")]
    public void Atoms_are_told_in_words(string atom, string sources, string meaning) =>
        Assert.AreEqual(meaning, AtomMeaning.Of(Antichain.Parse(atom, sources), sources));

    [TestMethod]
    public void No_two_atoms_have_one_meaning() =>
        CollectionAssert.AllItemsAreUnique(
            RedundancyLattice.ForSources(3).Antichains.Select(atom => AtomMeaning.Of(atom, "FCL")).ToArray()
        );

    [TestMethod]
    public void Sources_are_told_in_words()
    {
        CollectionAssert.AreEqual(
            new[]
            {
                "F: the row's features",
                "C: the outputs of hidden layer 2 in the presentation before",
                "L: the outputs of other neurons of the layer in the presentation before",
                "F: the outputs of hidden layer 1 in the same presentation and the row's features",
                "C: the outputs of the output layer in the presentation before",
                "F: the outputs of hidden layer 2 in the same presentation",
                "F: the outputs of hidden layer 2 in the same presentation and the outputs of hidden layer 3 in the same presentation",
                "C: whether the row is of the neuron's own class, told in training",
            },
            Tell(TinyModel.Deep())
        );
        CollectionAssert.AreEqual(
            new[]
            {
                "F: the row's features",
                "F: the outputs of the hidden layer in the same presentation",
                "C: whether the row is of the neuron's own class, told in training",
            },
            Tell(TinyModel.WithoutGoals(hasHidden: true))
        );

        static string[] Tell(InfomorphicNetwork network) =>
            [
                .. network.Layers.SelectMany(
                    (layer, place) =>
                        layer.Sources.Select(source =>
                            $"{source.Symbol}: {AtomMeaning.Of(source, place, network.HiddenLayers.Count)}"
                        )
                ),
            ];
    }
}
