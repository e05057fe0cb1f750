using System.Globalization;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.Infomorphic.Tuning.Tests.SweepFixture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Which sweeps a study takes: what its objective is, and what it is not resumed with.</summary>
[TestClass]
public sealed class SweepStudyTests
{
    [TestMethod]
    public void A_study_that_was_begun_with_another_space_or_other_options_is_refused()
    {
        using var store = NewStore();
        Create(Options(store, 1)).Execute(TrainRows, ValidationRows);
        InfomorphicTrainer.Options longer = Trainer();
        longer.NumberOfEpochs = Epochs + 1;
        InfomorphicTrainer.Options threads = Trainer();
        threads.NumberOfThreads = 2;
        InfomorphicSweepOptions same = Options(store, 1);

        AssertRefused(
            same with
            {
                Space = OneLayer.With(TrainerOption.LearningRate, 1e-3, 0.1, logarithmic: true),
            },
            "The study s was begun with another search space: resume it with what it was begun with, or begin another under a new name."
        );
        AssertRefused(same with { Trainer = longer }, "The study s was begun with another objective (");
        AssertRefused(same with { Metric = SweepMetric.LogLoss }, "The study s was begun with another objective (");
        AssertRefused(
            same with
            {
                DataDescription = "clouds",
            },
            "The study s was begun with another objective (MicroAccuracy of validation rows: "
        );
        Create(same with { Trainer = threads }).Execute(TrainRows, ValidationRows);
        Assert.AreEqual(1, Number(store, "SELECT count(*) FROM infomorphic_trials"));

        void AssertRefused(InfomorphicSweepOptions options, string sentence) =>
            StringAssert.StartsWith(
                Assert
                    .ThrowsExactly<ArgumentException>(() => Create(options).Execute(TrainRows, ValidationRows))
                    .Message,
                sentence
            );
    }

    // Studies on disk are resumed by it.
    [TestMethod]
    public void The_objective_of_options_without_layers_is_described_as_it_always_was()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Beta1 = 1.5;
        trainer.Context = ContextSignal.Feedback;
        trainer.RestoreBestEpoch = true;
        trainer.MemoryBudget = 100;
        Create(Options(store, 1) with { Trainer = trainer, DataDescription = "clouds" })
            .Execute(TrainRows, ValidationRows);
        Assert.AreEqual(
            "MicroAccuracy of validation rows of clouds: BatchSize = 32, Beta1 = 1.5, Context = Feedback, NumberOfEpochs = 3, NumberOfHiddenNeurons = 4, RestoreBestEpoch = True, Seed = 0",
            Objective(store)
        );
    }

    [TestMethod]
    public void The_objective_of_layers_is_described_whole_but_for_what_is_searched_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var other = new CultureInfo("");
        (other.NumberFormat.NegativeSign, other.NumberFormat.NumberDecimalSeparator) = ("~", ",");
        CultureInfo.CurrentCulture = other;
        try
        {
            using var store = NewStore();
            InfomorphicTrainer.Options trainer = Layers();
            trainer.HiddenLayers![0].Connections = new LocalFieldSettings(1, 2, 1, 1, true, new Pooling(1, 1));
            trainer.HiddenLayers[0].Alpha1 = -0.25;
            trainer.HiddenLayers[1].Inputs = [Signal.Features, Signal.Layer(0)];
            trainer.OutputLayerInputs = [Signal.Layer(1), Signal.Features];
            trainer.Image = new ImageShape(1, 4);
            trainer.Standardization = Standardization.Global;
            Create(Options(store, 1) with { Trainer = trainer, Space = TwoLayers }).Execute(TrainRows, ValidationRows);
            Assert.AreEqual(
                "MicroAccuracy of validation rows: BatchSize = 32, HiddenLayers = ["
                    + "{ Alpha1 = -0.25, Connections = LocalFieldSettings { Height = 1, HorizontalStride = 1, Pooling = Pooling { Columns = 1, Rows = 1 }, SharesWeights = True, VerticalStride = 1, Width = 2 }, LearningRate = 0.01, NumberOfNeurons = 4 }, "
                    + "{ Inputs = [features, layer 0], LateralInput = False }], "
                    + "Image = ImageShape { Channels = 1, Height = 1, Width = 4 }, NumberOfEpochs = 3, OutputLayerInputs = [layer 1, features], Seed = 0, Standardization = Global",
                Objective(store)
            );
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestMethod]
    public void A_study_that_was_begun_with_other_layers_is_refused()
    {
        using var store = NewStore();
        InfomorphicSweepOptions same = Options(store, 1) with { Trainer = Layers(), Space = TwoLayers };
        Create(same).Execute(TrainRows, ValidationRows);
        Action<InfomorphicTrainer.Options>[] changes =
        [
            trainer => trainer.HiddenLayers![0].NumberOfNeurons = 5,
            trainer => trainer.HiddenLayers![0].LearningRate = 0.003,
            trainer => trainer.HiddenLayers![0].PassesOn = PassedOutputs.Mean,
            trainer => trainer.HiddenLayers![0].Connections = new RandomSubsetSettings(2, 2),
            trainer => trainer.HiddenLayers![1].Inputs = [Signal.Features],
            trainer => trainer.HiddenLayers![1].BivariateK = 0.7,
            trainer => trainer.HiddenLayers = [.. trainer.HiddenLayers!, new() { NumberOfNeurons = 4 }],
            trainer => trainer.OutputLayerInputs = [Signal.Layer(0)],
            trainer => trainer.LayerOrder = LayerOrder.BottomUp,
        ];
        foreach (Action<InfomorphicTrainer.Options> change in changes)
        {
            InfomorphicTrainer.Options trainer = Layers();
            change(trainer);
            StringAssert.StartsWith(
                Assert
                    .ThrowsExactly<ArgumentException>(() =>
                        Create(same with { Trainer = trainer }).Execute(TrainRows, ValidationRows)
                    )
                    .Message,
                "The study s was begun with another objective ("
            );
        }
        // What is searched may be given otherwise.
        InfomorphicTrainer.Options searched = Layers();
        searched.HiddenLayers![1].NumberOfNeurons = 6;
        searched.HiddenLayers[1].Goal = "context/naive";
        Create(same with { Trainer = searched }).Execute(TrainRows, ValidationRows);
        Assert.AreEqual(1, Number(store, "SELECT count(*) FROM infomorphic_trials"));
    }
}
