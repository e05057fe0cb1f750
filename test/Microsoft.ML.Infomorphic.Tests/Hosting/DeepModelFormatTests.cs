using System.Reflection;
using Microsoft.ML.Infomorphic.Fuzzing;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>Model files of networks of any layers.</summary>
[TestClass]
public sealed class DeepModelFormatTests
{
    public static IEnumerable<string> Names => DeepModels.Names;

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void A_deep_model_is_read_as_it_was_written_to_the_bit(string name)
    {
        ModelContents original = DeepModels.Of(name);
        byte[] saved = Save(original);

        ModelContents read = Read(saved);

        CollectionAssert.AreEqual(saved, Save(read));
        Assert.HasCount(original.Networks.Count, read.Networks);
        foreach ((InfomorphicNetwork one, InfomorphicNetwork other) in original.Networks.Zip(read.Networks))
            AssertSame(one, other);
        Assert.AreEqual(original.Settings, read.Settings);
        Assert.AreEqual(original.Scoring, read.Scoring);
        Assert.HasCount(original.History.Epochs.Count, read.History.Epochs);
        foreach ((EpochRecord one, EpochRecord other) in original.History.Epochs.Zip(read.History.Epochs))
        foreach ((LayerProgress layer, LayerProgress otherLayer) in one.Layers.Zip(other.Layers))
        {
            CollectionAssert.AreEqual(layer.Atoms.ToArray(), otherLayer.Atoms.ToArray());
            Assert.AreEqual(layer, otherLayer with { Atoms = layer.Atoms });
        }
    }

    [TestMethod]
    public void Every_kind_of_connection_and_signal_is_among_the_models()
    {
        InfomorphicLayer[] layers = [.. Names.SelectMany(name => DeepModels.Of(name).Network.Layers)];
        Projection[] projections =
        [
            .. layers.SelectMany(layer => layer.Sources).SelectMany(source => source.Projections),
        ];

        CollectionAssert.AreEquivalent(
            typeof(Connectivity)
                .Assembly.GetTypes()
                .Where(type => type.IsSubclassOf(typeof(Connectivity)) && !type.IsAbstract)
                .ToArray(),
            projections.Select(projection => projection.Connectivity.GetType()).Distinct().ToArray()
        );
        CollectionAssert.AreEquivalent(
            Enum.GetValues<SignalKind>(),
            projections.Select(projection => projection.Signal.Kind).Distinct().ToArray()
        );
        CollectionAssert.AreEquivalent(
            typeof(Activation)
                .Assembly.GetTypes()
                .Where(type => type.IsSubclassOf(typeof(Activation)) && !type.IsAbstract)
                .ToArray(),
            layers.Select(layer => layer.Activation.GetType()).Distinct().ToArray()
        );
        Assert.IsTrue(layers.Any(layer => layer.Pooling is not null));
        Assert.IsTrue(layers.Any(layer => layer.Goal is null));
    }

    [TestMethod]
    public void An_encoding_is_read_as_it_was_written()
    {
        ModelContents original = DeepModels.Encoded();
        byte[] saved = Save(original);
        ModelContents read = Read(saved);

        CollectionAssert.AreEqual(saved, Save(read));
        FeatureEncoding encoding = read.Encoding!;
        Assert.AreEqual(original.Encoding!.FeatureCount, encoding.FeatureCount);
        for (int feature = 0; feature < encoding.FeatureCount; feature++)
            CollectionAssert.AreEqual(
                original.Encoding.KnotsOf(feature).ToArray(),
                encoding.KnotsOf(feature).ToArray()
            );
        CollectionAssert.AreEqual(original.Encoding.Substitutes!.ToArray(), encoding.Substitutes!.ToArray());
        CollectionAssert.AreEqual(original.Encoding.IndicatedFeatures.ToArray(), encoding.IndicatedFeatures.ToArray());
        Assert.IsNull(Read(Save(DeepModels.Of("feedback"))).Encoding);
        Assert.Contains(
            "its encoding gives 31 numbers of a row, and its network reads 36",
            Assert
                .ThrowsExactly<FormatException>(() =>
                    Read(
                        Save(
                            original with
                            {
                                Encoding = new FeatureEncoding([
                                    [0, 1],
                                    .. new float[29][].Select(_ => Array.Empty<float>()),
                                ]),
                            }
                        )
                    )
                )
                .Message
        );
    }

    [TestMethod]
    [DynamicData(nameof(EverySetting))]
    public void Settings_are_read_as_they_were_written(TrainingSettings settings)
    {
        ModelContents contents = DeepModels.Of("feedback") with { Settings = settings };

        Assert.AreEqual(settings, Read(Save(contents)).Settings);
    }

    [TestMethod]
    public void Each_setting_is_written_at_least_once_with_another_value_than_its_default()
    {
        // What the network says already, and what is not kept.
        string[] others =
        [
            nameof(TrainingSettings.Threads),
            nameof(TrainingSettings.Networks),
            nameof(TrainingSettings.KeepsOptimizerState),
            nameof(LayerSettings.Goal),
            nameof(LayerSettings.Activation),
            nameof(LayerSettings.Binning),
        ];
        TrainingSettings plain = Plain();

        AssertEachDiffers(EverySetting.Select(settings => (object)settings), plain);
        AssertEachDiffers(EverySetting.SelectMany(settings => settings.HiddenLayers), plain.HiddenLayers[0]);
        AssertEachDiffers(EverySetting.Select(settings => settings.Output), plain.Output);

        void AssertEachDiffers(IEnumerable<object> written, object defaults)
        {
            foreach (PropertyInfo property in defaults.GetType().GetProperties().Where(of => of.CanWrite))
                if (!others.Contains(property.Name))
                    Assert.IsTrue(
                        written.Any(one => !Equals(property.GetValue(one), property.GetValue(defaults))),
                        property.Name
                    );
        }
    }

    public static IEnumerable<TrainingSettings> EverySetting
    {
        get
        {
            TrainingSettings plain = Plain();
            IReadOnlyList<LayerSettings> layers = plain.HiddenLayers;
            yield return plain;
            yield return plain with
            {
                EpochsPerEvaluation = 3,
                ValidationFraction = 0.25,
                LearnsHeldOutRows = true,
                HiddenLayers =
                [
                    layers[0] with
                    {
                        Neurons = 7,
                        Inputs = [Signal.Features],
                        Context = Signal.Layer(3),
                        LateralConnections = int.MaxValue,
                        Connections = new LocalFieldSettings(1, 2, 3, 4),
                        PassesOn = PassedOutputs.Mean,
                        Optimizer = new AdamSettings(0.1, 0.2, 0.3, 0.4, 0.5),
                    },
                    layers[1] with
                    {
                        Neurons = int.MaxValue,
                        Inputs = [Signal.Layer(0), Signal.Features],
                        Context = null,
                        LateralConnections = 1,
                        Connections = new LocalFieldSettings(1, 2, 3, 4, SharesWeights: true),
                    },
                    layers[2] with
                    {
                        Inputs = [],
                        LateralConnections = null,
                        Connections = new RandomSubsetSettings(5, 6),
                    },
                ],
                Output = plain.Output with
                {
                    Inputs = [Signal.Layer(2), Signal.Layer(0)],
                    Optimizer = new AdamSettings(0.6, 0.7),
                },
                Order = LayerOrder.BottomUp,
                Image = new ImageShape(1, 2, 3, Interleaved: true),
                Presentations = 5,
                Epochs = 6,
                BatchSize = 7,
                Standardization = Standardization.PerFeature,
                Encoding = FeatureEncodingKind.PiecewiseLinear,
                MissingValues = MissingValues.Indicate,
                EarlyStoppingRounds = 8,
                RestoreBestEpoch = true,
                Seed = ulong.MaxValue,
            };
            yield return plain with
            {
                HiddenLayers =
                [
                    layers[0] with
                    {
                        Connections = new LocalFieldSettings(1, 1, 1, 1, SharesWeights: true, new Pooling(2, 3)),
                    },
                    .. layers.Skip(1),
                ],
                Image = new ImageShape(4, 5),
                Augmentation = new ImageAugmentation(1, 2, 3.5, 0.25, HorizontalFlip: true),
                LearningRateSchedule = LearningRateSchedule.Cosine,
            };
        }
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Each_field_that_is_damaged_is_refused_or_read_without_gigabytes(string name)
    {
        using var fields = new FieldStream();
        ModelFormat.Write(fields, DeepModels.Of(name));
        byte[] saved = fields.ToArray();
        int refused = 0;
        foreach ((int start, int length) in fields.Fields)
        foreach (byte[] value in ValuesOf(length))
        {
            var damaged = (byte[])saved.Clone();
            value.CopyTo(damaged, start);
            ModelArchive.Sign(damaged);
            string what = $"{Convert.ToHexString(value)} at {start}";
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(damaged);
            }
            catch (Exception exception) when (exception is FormatException or ArgumentException)
            {
                refused++;
                Assert.IsFalse(string.IsNullOrWhiteSpace(exception.Message), what);
            }
            catch (Exception exception)
            {
                Assert.Fail($"{what}: {exception}");
            }

            Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before, what);
        }

        Assert.IsGreaterThan(fields.Fields.Count, refused);

        static byte[][] ValuesOf(int length) =>
            length switch
            {
                1 =>
                [
                    [0],
                    [1],
                    [7],
                    [255],
                ],
                4 =>
                [
                    .. new[] { 0, 1, -1, 2, 1000, 1 << 16, 1 << 24, 1 << 30, int.MaxValue, int.MinValue }.Select(
                        BitConverter.GetBytes
                    ),
                ],
                8 =>
                [
                    .. new[] { 0, -1, double.NaN, double.PositiveInfinity, double.MaxValue }.Select(
                        BitConverter.GetBytes
                    ),
                ],
                _ => [],
            };
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void A_model_that_is_cut_off_or_has_a_bit_flipped_is_refused(string name)
    {
        byte[] saved = Save(DeepModels.Of(name));
        for (int i = 0; i < saved.Length; i += 13)
        {
            AssertRefused(saved[..i]);
            var flipped = (byte[])saved.Clone();
            flipped[i] ^= (byte)(1 << (i % 8));
            AssertRefused(flipped);
        }
    }

    [TestMethod]
    public void A_model_of_a_later_version_is_refused_in_one_sentence()
    {
        using var stream = new MemoryStream();
        var context = new MLContext(1);
        IDataView data = Samples.View(context);
        context.Model.Save(Samples.Transformer(context, data), data.Schema, stream);
        byte[] later = new ModelArchive(stream.ToArray()).WithModelEntry(content =>
        {
            // The versions that it was written in, and that a reader must know.
            content[0x48] += 2;
            content[0x4C] += 2;
            return content;
        });

        string sentence = Samples.Failure<FormatException>(() =>
            ModelFile.Load(context.Model, new MemoryStream(later), "model.zip", out _)
        );

        Assert.AreEqual(
            "model.zip: The model is of version 6 of its format, and this library reads versions 1 to 5: use a later Microsoft.ML.Infomorphic.",
            sentence
        );
    }

    [TestMethod]
    public void Fields_and_groups_that_are_too_many_are_refused_before_memory_is_taken()
    {
        AssertRefused(
            "400000000 fields of 1 numbers are too many: they can have 67108864 numbers together. Larger strides make fewer fields.",
            () => new SharedFields(new FieldGrid(new ImageShape(20000, 20000), 1, 1, 1, 1), 1)
        );
        AssertRefused(
            "100000000 fields of 100020001 numbers are too many: they can have 67108864 numbers together. Larger strides make fewer fields.",
            () => new LocalFields(new FieldGrid(new ImageShape(20000, 20000), 10001, 10001, 1, 1), 1)
        );
        AssertRefused(
            "An image of 2147483647 × 2147483647 × 2147483647 has more numbers than a row can have.",
            () =>
                new LocalFields(new FieldGrid(new ImageShape(int.MaxValue, int.MaxValue, int.MaxValue), 1, 1, 1, 1), 1)
        );
        AssertRefused(
            "65536 groups of 65536 neurons are more neurons than a layer can have.",
            () => new WithinGroups(1 << 16, 1 << 16)
        );
        AssertRefused(
            "65536 groups of 65536 neurons are more neurons than a layer can have.",
            () => new SubsetConnected(1 << 16, 1 << 16, 1, new int[1 << 16])
        );
        AssertRefused(
            "1000 neurons at 1000000 positions have more than 16777216 outputs a row.",
            () =>
                new InfomorphicLayer(
                    [
                        new Source(
                            'F',
                            [
                                new Projection(
                                    Signal.Features,
                                    new SharedFields(new FieldGrid(new ImageShape(1000, 1000), 1, 1, 1, 1), 1000),
                                    new float[1000]
                                ),
                            ],
                            new float[1000]
                        ),
                    ],
                    null,
                    new StepActivation(),
                    new Binning()
                ),
            32 << 20
        );

        static void AssertRefused(string sentence, Func<object> create, long memory = 1 << 20)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.AreEqual(sentence, Assert.Throws<ArgumentException>(create).Message);
            Assert.IsLessThan(memory, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [TestMethod]
    public void No_connections_at_all_are_refused()
    {
        AssertRefused(() => new DrawnConnected(0, 1, [0]));
        AssertRefused(() => new DrawnConnected(1, 1, []));
        AssertRefused(() => new DrawnConnected(2, 1, [0, 0, 0]));
        AssertRefused(() => new DrawnConnected(1, 1, [1]));
        AssertRefused(() => new SubsetConnected(0, 1, 1, [0]));
        AssertRefused(() => new SubsetConnected(1, 0, 1, [0]));
        AssertRefused(() => new SubsetConnected(2, 1, 1, [0, 0, 0]));
        AssertRefused(() => new WithinGroups(-1, -1));

        static void AssertRefused(Func<object> create) => Assert.Throws<ArgumentException>(create);
    }

    private static TrainingSettings Plain()
    {
        TrainingSettings settings = DeepModels.Of("feedback").Settings;
        return new TrainingSettings
        {
            HiddenLayers =
            [
                .. settings.HiddenLayers.Select(layer => new LayerSettings
                {
                    Goal = layer.Goal,
                    Activation = layer.Activation,
                    Binning = layer.Binning,
                }),
            ],
            Output = new OutputLayerSettings { Goal = GoalFunctions.Output },
        };
    }

    private static void AssertSame(InfomorphicNetwork expected, InfomorphicNetwork actual)
    {
        Assert.AreEqual(expected.Presentations, actual.Presentations);
        CollectionAssert.AreEqual(expected.Calibration.Slopes.ToArray(), actual.Calibration.Slopes.ToArray());
        CollectionAssert.AreEqual(expected.Calibration.Offsets.ToArray(), actual.Calibration.Offsets.ToArray());
        Assert.HasCount(expected.Layers.Count, actual.Layers);
        foreach ((InfomorphicLayer layer, InfomorphicLayer other) in expected.Layers.Zip(actual.Layers))
        {
            Assert.AreEqual(
                (layer.Goal, layer.Activation, layer.Binning, layer.Pooling, layer.Positions),
                (other.Goal, other.Activation, other.Binning, other.Pooling, other.Positions)
            );
            Assert.HasCount(layer.Sources.Count, other.Sources);
            foreach ((Source source, Source otherSource) in layer.Sources.Zip(other.Sources))
            {
                Assert.AreEqual(source.Symbol, otherSource.Symbol);
                CollectionAssert.AreEqual(source.Biases, otherSource.Biases);
                Assert.HasCount(source.Projections.Count, otherSource.Projections);
                foreach ((Projection one, Projection same) in source.Projections.Zip(otherSource.Projections))
                {
                    Assert.AreEqual(one.Signal, same.Signal);
                    Assert.IsTrue(one.Connectivity.IsSameAs(same.Connectivity));
                    CollectionAssert.AreEqual(one.Weights, same.Weights);
                }
            }
        }
    }

    private static void AssertRefused(byte[] bytes)
    {
        try
        {
            Read(bytes);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            return;
        }

        Assert.Fail("A damaged model was read.");
    }

    private static byte[] Save(ModelContents contents)
    {
        using var stream = new MemoryStream();
        ModelFormat.Write(stream, contents);
        return stream.ToArray();
    }

    private static ModelContents Read(byte[] bytes) => ModelFormat.Read(new MemoryStream(bytes), bytes.Length);

    /// <summary>Knows where each number was written.</summary>
    private sealed class FieldStream : MemoryStream
    {
        public List<(int Start, int Length)> Fields { get; } = [];

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Fields.Add(((int)Position, buffer.Length));
            base.Write(buffer);
        }
    }
}
