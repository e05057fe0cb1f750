using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

/// <summary>What cannot be trained, or hardly as it was meant, is said before time and memory are spent.</summary>
[TestClass]
public sealed class RefusalTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Two_thousand_million_classes_are_refused_before_memory_is_taken()
    {
        IDataView data = _context.Data.LoadFromEnumerable([
            new ManyClasses { Label = 1 },
            new ManyClasses { Label = 2 },
        ]);

        string message = Failure(new Options(), data);

        StringAssert.StartsWith(message, "The label column 'Label' has 2000000000 classes: training takes at least ");
        StringAssert.Contains(message, " TiB of memory, and this machine has ");
    }

    [TestMethod]
    [DataRow(20, 120)]
    [DataRow(22, 120)]
    [DataRow(24, 5)]
    public void A_hashed_label_is_refused_for_its_classes_and_rows(int bits, int rows)
    {
        IDataView data = _context
            .Transforms.Conversion.Hash("Label", nameof(Samples.Row.Color), numberOfBits: bits)
            .Fit(Samples.View(_context, Samples.Rows(rows)))
            .Transform(Samples.View(_context, Samples.Rows(rows)));

        // For want of memory, where the machine has little; else for want of rows.
        string message = Failure(new Options(), data);
        StringAssert.StartsWith(
            message,
            FormattableString.Invariant($"The label column 'Label' has {1 << bits} classes")
        );
    }

    [TestMethod]
    public void Neurons_that_no_memory_holds_are_refused_by_their_option()
    {
        StringAssert.StartsWith(
            Failure(new Options { NumberOfHiddenNeurons = 2_000_000, MaximumLateralConnections = int.MaxValue }),
            "NumberOfHiddenNeurons is 2000000, and each of 2000000 neurons is connected to 2000000 other neurons (MaximumLateralConnections): training takes at least 72"
        );
        StringAssert.StartsWith(
            Failure(new Options { NumberOfHiddenNeurons = int.MaxValue }),
            "NumberOfHiddenNeurons is 2147483647, and each of 2147483647 neurons is connected to 100 other neurons (MaximumLateralConnections): training takes at least "
        );
        StringAssert.StartsWith(
            Failure(
                new Options { HiddenLayers = [new() { NumberOfNeurons = 3 }, new() { NumberOfNeurons = int.MaxValue }] }
            ),
            "HiddenLayers[1].NumberOfNeurons is 2147483647, and each of 2147483647 neurons is connected to 100 other neurons (HiddenLayers[1].MaximumLateralConnections): training takes at least "
        );
        StringAssert.StartsWith(
            Failure(new Options { NumberOfHiddenNeurons = int.MaxValue, LateralInput = false }),
            "NumberOfHiddenNeurons is 2147483647, and each of 2147483647 neurons is connected to 4 inputs: training takes at least "
        );

        // More than can be numbered.
        StringAssert.Contains(
            Failure(
                new Options
                {
                    Image = new ImageShape(2, 2),
                    HiddenLayers =
                    [
                        new HiddenLayerOptions
                        {
                            NumberOfNeurons = int.MaxValue,
                            Connections = new LocalFieldSettings(1, 1, 1, 1),
                        },
                    ],
                }
            ),
            "4 groups of 2147483647 neurons are more neurons than a layer can have."
        );
    }

    [TestMethod]
    public void Validation_labels_whose_keys_stand_for_other_classes_are_refused()
    {
        IDataView train = Samples.View(_context);
        IDataView others = Samples.View(_context, Enumerable.Reverse(Samples.Rows()));
        const string Sentence =
            "Class 1 of the label column 'Label' is blue, and red in the training data: map labels to keys as they were mapped for the training. (Parameter 'validationData')";

        Assert.AreEqual(
            Sentence,
            Samples.Failure<ArgumentOutOfRangeException>(() => Samples.Trainer(_context).Fit(train, others))
        );
        Assert.AreEqual(
            Sentence,
            Samples.Failure<ArgumentOutOfRangeException>(() =>
                InfomorphicTrainer.FitMany([Samples.Trainer(_context), Samples.Trainer(_context)], train, others)
            )
        );
    }

    [TestMethod]
    public void Options_without_effect_are_said_where_the_trainer_trains()
    {
        Options options = Samples.Options();
        options.HiddenLayer = HiddenLayerKind.None;

        List<string> messages = Samples.Messages(
            _context,
            () => _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(Samples.View(_context))
        );

        CollectionAssert.Contains(
            messages,
            "Warning: NumberOfHiddenNeurons is 5 and has no effect: HiddenLayer is None"
        );
    }

    [TestMethod]
    [DataRow(0, null)]
    [DataRow(18, null)]
    [DataRow(18, 1)]
    public void The_history_counts_rows_that_were_skipped(int count, int? budget)
    {
        List<Samples.Row> rows = Samples.Rows();
        for (int i = 0; i < count; i++)
            rows[3 * i].Features[0] = i % 2 == 0 ? float.NaN : float.NegativeInfinity;
        Options options = Samples.Options();
        options.MemoryBudget = budget;
        InfomorphicModelParameters model = _context
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(Samples.View(_context, rows))
            .Model;

        Assert.AreEqual(count, model.History.SkippedRows);
    }

    [TestMethod]
    public void Scoring_says_how_many_rows_got_no_class()
    {
        List<Samples.Row> rows = Samples.Rows(1000);
        foreach (int bad in (int[])[3, 500, 999])
            rows[bad].Features[1] = bad == 3 ? float.PositiveInfinity : float.NaN;
        IDataView data = Samples.View(_context, rows);
        InfomorphicPredictionTransformer model = Samples.Transformer(_context, data);

        List<string> messages = Samples.Messages(_context, () => Samples.Scores(model.Transform(data)));

        CollectionAssert.Contains(
            messages,
            "Warning: 3 of 1000 scored instances got no class: their features are missing or infinite (column 'Features')"
        );
        Assert.IsFalse(
            Samples
                .Messages(_context, () => Samples.Scores(model.Transform(Samples.View(_context))))
                .Any(message => message.Contains("no class", StringComparison.Ordinal))
        );
    }

    // One heavy row decides the scales of all features, and all others are far out by them.
    [TestMethod]
    public void Weights_that_make_a_training_diverge_are_named()
    {
        Options options = Weighted();
        options.Standardization = Standardization.PerFeature;
        const string Sentence =
            "Weights in the column 'Weight' are from 1E-30 to 1E+30, and beside the heaviest rows the lightest count for nothing: bring the weights closer together.";
        string? failure = null;

        List<string> messages = Samples.Messages(
            _context,
            () => failure = Failure(options, Samples.View(_context, Weighted(1e30f, 1e-30f)))
        );

        Assert.AreEqual($"Training diverged in epoch 1: weights are no longer finite. {Sentence}", failure);
        CollectionAssert.Contains(messages, "Warning: " + Sentence);
    }

    [TestMethod]
    [DataRow(1e10f, 1e-10f, true)]
    [DataRow(1e3f, 1e-6f, false)]
    public void Weights_far_apart_are_said(float heavy, float light, bool isSaid)
    {
        IDataView data = Samples.View(_context, Weighted(heavy, light));

        List<string> messages = Samples.Messages(
            _context,
            () => _context.MulticlassClassification.Trainers.Infomorphic(Weighted()).Fit(data)
        );

        Assert.AreEqual(isSaid, messages.Any(message => message.Contains("closer together", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void A_learning_rate_that_makes_a_training_diverge_is_named()
    {
        Options options = Samples.Options();
        options.OutputLearningRate = 1e30;

        Assert.AreEqual(
            "Training diverged in epoch 1: weights are no longer finite. The learning rate of the output layer is 1E+30: lower it.",
            Failure(options)
        );
    }

    private static Options Weighted()
    {
        Options options = Samples.Options();
        options.ExampleWeightColumnName = nameof(Samples.Row.Weight);
        options.NumberOfHiddenNeurons = 30;
        return options;
    }

    private static List<Samples.Row> Weighted(float heavy, float light)
    {
        List<Samples.Row> rows = Samples.Rows(640);
        rows.ForEach(row => row.Weight = light);
        rows[7].Weight = heavy;
        return rows;
    }

    private string Failure(Options options, IDataView? data = null)
    {
        options.Device = "cpu";
        return Samples.Failure<InvalidOperationException>(() =>
            _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data ?? Samples.View(_context))
        );
    }

    private sealed class ManyClasses
    {
        [KeyType(2_000_000_000)]
        public uint Label { get; set; }

        [VectorType(2)]
        public float[] Features { get; set; } = [1, 2];
    }
}
