using System.Reflection;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

/// <summary>
/// Whatever the options and the schema, a trainer trains, or says in one sentence what is wrong. What fails is shrunk to
/// the fewest changes of the defaults.
/// </summary>
[TestClass]
public class OptionsPropertyTests
{
    private const int Cases = 200;

    private static readonly FieldInfo[] s_fields =
    [
        .. typeof(Options)
            .GetFields(BindingFlags.Public | BindingFlags.Instance)
            .Where(field =>
                field.Name
                    is not (
                        nameof(Options.EpochEnded)
                        or nameof(Options.CheckpointReached)
                        or nameof(Options.CancellationToken)
                        or nameof(Options.NumberOfEpochs)
                    )
                && !field.Name.EndsWith("ColumnName", StringComparison.Ordinal)
            ),
    ];

    private static readonly Dictionary<Type, object?[]> s_values = new()
    {
        [typeof(bool)] = [true, false],
        [typeof(int)] = [int.MinValue, -1, 0, 1, 2, 3, 7, 20, 64, 65, 1000],
        [typeof(int?)] = [null, int.MinValue, -1, 0, 1, 2, 1000, int.MaxValue],
        [typeof(double)] =
        [
            double.NaN,
            double.NegativeInfinity,
            -1e300,
            -1.0,
            0.0,
            double.Epsilon,
            1e-9,
            0.1,
            0.5,
            0.9,
            1.0,
            5.0,
            1e9,
            1e300,
            double.PositiveInfinity,
        ],
        [typeof(double?)] = [null, double.NaN, -1.0, 0.0, 1e-9, 0.1, 0.5, 1.0, 1e9, double.PositiveInfinity],
        [typeof(bool?)] = [null, true, false],
        [typeof(OutputLayerKind?)] = [null, OutputLayerKind.Infomorphic, OutputLayerKind.Softmax, (OutputLayerKind)9],
        [typeof(LearningRateSchedule?)] =
        [
            null,
            LearningRateSchedule.Constant,
            LearningRateSchedule.Cosine,
            (LearningRateSchedule)9,
        ],
        [typeof(ImageAugmentation)] =
        [
            null,
            new ImageAugmentation(),
            new ImageAugmentation(1, 1, 10, 0.1, HorizontalFlip: true),
            new ImageAugmentation(-1),
            new ImageAugmentation(Rotation: double.NaN),
        ],
        [typeof(string)] =
        [
            null,
            "",
            "auto",
            "output",
            "cpu",
            "tpu",
            "opt_1_100_tpe",
            "context/opt_2_100",
            "lateral/opt_2_100",
            "{F}{C}{L} - {F}{L}",
            "{F}{C}",
            "{F}{L}",
            "1e999{F}",
            "{F} +",
            "\u0001",
        ],
        [typeof(IReadOnlyList<Signal>)] =
        [
            null,
            Array.Empty<Signal>(),
            new[] { Signal.Features },
            new[] { Signal.Layer(0) },
            new[] { Signal.Features, Signal.Layer(0) },
            new[] { Signal.Layer(7) },
            new[] { Signal.Label },
        ],
        [typeof(IReadOnlyList<HiddenLayerOptions>)] =
        [
            null,
            Array.Empty<HiddenLayerOptions>(),
            new HiddenLayerOptions?[] { null },
            Layers(new HiddenLayerOptions { Learns = false }, new HiddenLayerOptions()),
            Layers(
                new HiddenLayerOptions { Context = ContextSignal.LayerAbove },
                new HiddenLayerOptions { LateralInput = false }
            ),
            Layers(new HiddenLayerOptions { Connections = new LocalFieldSettings(1, 2, 1, 1), NumberOfNeurons = 2 }),
            Layers(new HiddenLayerOptions { Inputs = [Signal.Layer(0)] }),
        ],
        [typeof(IReadOnlyDictionary<string, double>)] =
        [
            null,
            new Dictionary<string, double>(),
            new Dictionary<string, double> { ["red"] = 5, ["blue"] = 0.1 },
            new Dictionary<string, double> { ["red"] = 0 },
            new Dictionary<string, double> { ["white"] = 1 },
        ],
        [typeof(ImageShape)] = [null, new ImageShape(2, 2), new ImageShape(3, 3), new ImageShape(0, 4)],
    };

    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Any_options_train_or_name_the_option()
    {
        IDataView data = Samples.View(_context, Samples.Rows(24));
        Gen<Change> change =
            from field in Gen.Elements(s_fields)
            from value in Gen.Elements(ValuesOf(field.FieldType))
            select new Change(field, value);
        Arbitrary<Change[]> changes = Arb.From(Gen.Choose(1, 5).SelectMany(count => change.ArrayOf(count)), Shrink);
        int trained = 0;

        Prop.ForAll(changes, Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(Cases).WithReplay(1, 1));

        Assert.IsGreaterThan(Cases / 20, trained); // and not only refusals
        Assert.IsLessThan(Cases * 19 / 20, trained);

        void Holds(Change[] all)
        {
            Options options = Samples.Options();
            foreach (Change one in all)
                one.Field.SetValue(options, one.Value);
            try
            {
                var model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
                foreach (float[] scores in Samples.Scores(model.Transform(data)))
                    Assert.AreEqual(1, scores.Sum(), 1e-4, "The scores are no probabilities.");
                trained++;
            }
            catch (Exception e) when (e is not AssertFailedException)
            {
                AssertSays(e);

                // Which of the numbers it is that are too large for training, nobody knows before.
                if (e.Message.StartsWith("Training diverged in epoch ", StringComparison.Ordinal))
                    Assert.IsTrue(all.Any(one => one.Value is double), e.Message);
                else
                    Assert.IsTrue(
                        all.Any(one => e.Message.Contains(one.Field.Name, StringComparison.Ordinal)),
                        $"No option is named: {e.Message}"
                    );
            }
        }
    }

    [TestMethod]
    public void Any_columns_train_or_are_named()
    {
        Gen<Columns> columns =
            from label in Gen.Elements("Key", "Text", "Number", "Double", "Vector", "OneKey", "LongKey", "None")
            from features in Gen.Elements("Vector", "DoubleVector", "Key", "Number", "Text", "Loose", "None")
            from weight in Gen.Elements(null, null, "Number", "Double", "Vector", "Text", "None")
            select new Columns(label, features, weight);
        IDataView data = _context
            .Transforms.Conversion.MapValueToKey("Key", nameof(Wide.Text))
            .Fit(_context.Data.LoadFromEnumerable(Wides()))
            .Transform(_context.Data.LoadFromEnumerable(Wides()));
        int trained = 0;

        Prop.ForAll(columns.ToArbitrary(), Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(200).WithReplay(1, 1));

        Assert.IsGreaterThan(0, trained);

        void Holds(Columns all)
        {
            Options options = Samples.Options();
            options.LabelColumnName = all.Label;
            options.FeatureColumnName = all.Features;
            options.ExampleWeightColumnName = all.Weight;
            InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
            string? promised = Failure(() => trainer.GetOutputSchema(SchemaShape.Create(data.Schema)), all);
            string? delivered = Failure(() => trainer.Fit(data), all);

            // What a shape does not tell, as how many classes there are, only the data do.
            Assert.IsTrue(promised is null || delivered is not null, promised);
            trained += delivered is null ? 1 : 0;
        }
    }

    private static string? Failure(Action action, Columns columns)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e) when (e is not AssertFailedException)
        {
            AssertSays(e);
            Assert.IsTrue(
                new[] { columns.Label, columns.Features, columns.Weight }.Any(name =>
                    name is not null && e.Message.Contains(name, StringComparison.Ordinal)
                ),
                $"No column is named: {e.Message}"
            );
            return e.Message;
        }
    }

    private static void AssertSays(Exception e)
    {
        Assert.IsTrue(
            e.GetType() == typeof(ArgumentOutOfRangeException)
                || e.GetType() == typeof(ArgumentException)
                || e.GetType() == typeof(ArgumentNullException)
                || e.GetType() == typeof(InvalidOperationException),
            e.ToString()
        );
        Assert.DoesNotContain('\n', e.Message);
    }

    // Small ones.
    private static HiddenLayerOptions[] Layers(params HiddenLayerOptions[] layers)
    {
        foreach (HiddenLayerOptions layer in layers)
            layer.NumberOfNeurons = Math.Min(layer.NumberOfNeurons, 3);
        return layers;
    }

    private static object?[] ValuesOf(Type type) =>
        type.IsEnum
            ? [.. Enum.GetValues(type).Cast<object>(), Enum.ToObject(type, 99), Enum.ToObject(type, -1)]
            : s_values[type];

    // Fewer changes.
    private static IEnumerable<Change[]> Shrink(Change[] changes) =>
        changes.Length == 1
            ? []
            : Enumerable.Range(0, changes.Length).Select(i => changes.Where((_, k) => k != i).ToArray());

    private static Wide[] Wides() =>
        [
            .. Samples
                .Rows(24)
                .Select(row => new Wide
                {
                    Text = row.Color,
                    Number = row.Weight,
                    Vector = row.Features,
                    Loose = row.Features,
                    DoubleVector = Array.ConvertAll(row.Features, x => (double)x),
                }),
        ];

    private sealed record Change(FieldInfo Field, object? Value)
    {
        public override string ToString() => $"{Field.Name} = {Value ?? "null"}";
    }

    private sealed record Columns(string Label, string Features, string? Weight);

    private sealed class Wide
    {
        public string Text { get; set; } = "";

        public float Number { get; set; }

        public double Double { get; set; } = 1;

        [VectorType(Samples.FeatureCount)]
        public float[] Vector { get; set; } = [];

        public float[] Loose { get; set; } = [];

        [VectorType(Samples.FeatureCount)]
        public double[] DoubleVector { get; set; } = [];

        [KeyType(1)]
        public uint OneKey { get; set; } = 1;

        [KeyType(3)]
        public ulong LongKey { get; set; } = 1;
    }
}
