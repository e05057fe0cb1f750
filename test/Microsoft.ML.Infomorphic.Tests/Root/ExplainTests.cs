using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public class ExplainTests
{
    private readonly MLContext _context = new(1);
    private readonly IDataView _data;
    private readonly InfomorphicPredictionTransformer _transformer;

    public ExplainTests()
    {
        _data = Samples.View(_context);
        _transformer = Samples.Transformer(_context, _data);
    }

    [TestMethod]
    public void The_catalog_and_the_model_explain_alike()
    {
        NetworkInsight byModel = _transformer.Model.Explain(_data, "Label");
        NetworkInsight byCatalog = _context.MulticlassClassification.ExplainInfomorphic(_transformer, _data, "Label");
        CollectionAssert.AreEqual(
            byModel.HiddenLayers[0].Mean.Atoms.ToArray(),
            byCatalog.HiddenLayers[0].Mean.Atoms.ToArray()
        );
        Assert.HasCount(Samples.ClassCount, byModel.ClassNames);
        Assert.AreEqual(_transformer.Model.TrainingSettings.BatchSize, byModel.Settings.BatchSize);
    }

    [TestMethod]
    public void Neurons_are_a_data_view_with_named_atoms()
    {
        NetworkInsight insight = Explain(_data);
        foreach (LayerInsight layer in insight.Layers)
        {
            IDataView view = _transformer.Model.ToDataView(insight, layer);
            DataViewSchema.Column column = view.Schema["Atoms"];
            VBuffer<ReadOnlyMemory<char>> names = default;
            column.GetSlotNames(ref names);
            CollectionAssert.AreEqual(
                layer.AtomNames.ToArray(),
                names.DenseValues().Select(name => name.ToString()).ToArray()
            );
            ReadOnlyMemory<char> method = default;
            column.Annotations.GetValue("Method", ref method);
            Assert.AreEqual(insight.Method, method.ToString());

            double[][] atoms = [.. view.GetColumn<double[]>("Atoms")];
            double[] goals = [.. view.GetColumn<double>("Goal")];
            Assert.HasCount(layer.Neurons.Count, atoms);
            for (int neuron = 0; neuron < atoms.Length; neuron++)
            {
                CollectionAssert.AreEqual(layer.Neurons[neuron].Information.Atoms.ToArray(), atoms[neuron]);
                Assert.AreEqual(layer.Neurons[neuron].Information.Goal, goals[neuron]);
            }
            Assert.HasCount(
                layer.Layer.Sources[0].Projections[0].Connectivity.InputCount,
                view.GetColumn<float[]>("ReceptiveField").First()
            );
        }
    }

    // A network does not say what its layers passed on in training: the model does.
    [TestMethod]
    public void Layers_that_passed_on_means_in_training_do_so_again()
    {
        ModelContents contents = Samples.Contents();
        LayerSettings layer = contents.Settings.HiddenLayers[0] with { PassesOn = PassedOutputs.Mean };
        TrainingSettings settings = contents.Settings with { HiddenLayers = [layer] };
        var model = new InfomorphicModelParameters(_context, contents with { Settings = settings });
        NetworkInsight sampled = Explain(_data);
        NetworkInsight means = model.Explain(_data, "Label");
        Assert.IsFalse(sampled.HiddenLayers[0].PassesOnMeans);
        Assert.IsTrue(means.HiddenLayers[0].PassesOnMeans);
        CollectionAssert.AreEqual(
            sampled.HiddenLayers[0].Mean.Atoms.ToArray(),
            means.HiddenLayers[0].Mean.Atoms.ToArray()
        );
        CollectionAssert.AreNotEqual(sampled.OutputLayer.Mean.Atoms.ToArray(), means.OutputLayer.Mean.Atoms.ToArray());
    }

    [TestMethod]
    public void Without_typical_rows_their_columns_are_left_out()
    {
        NetworkInsight insight = _transformer.Model.Explain(
            _data,
            "Label",
            settings: new InsightSettings { TypicalRows = 0 }
        );
        Assert.IsNull(_transformer.Model.ToDataView(insight).Schema.GetColumnOrNull("MostTypicalRows"));
    }

    // Skipped rows count: a typical row is found again in the data by its number.
    [TestMethod]
    public void Typical_rows_are_places_in_the_data()
    {
        List<Samples.Row> rows = Samples.Rows();
        rows[0].Features[1] = float.NaN;
        NetworkInsight insight = Explain(Samples.View(_context, rows));
        Assert.AreEqual(rows.Count - 1, insight.RowCount);
        long[] places =
        [
            .. insight.HiddenLayers[0].Neurons.SelectMany(neuron => neuron.MostTypical).Select(row => row.Row),
        ];
        Assert.IsTrue(places.All(place => place >= 1 && place < rows.Count));
        TypicalRow first = insight.HiddenLayers[0].Neurons[0].MostTypical[0];
        Assert.AreEqual(rows[(int)first.Row].Color, insight.ClassNames[first.Label]);
    }

    [TestMethod]
    public void Data_that_do_not_fit_are_refused_in_a_sentence_that_names_the_column()
    {
        string label = "Label";
        AssertFails("no label column 'Etikett'", () => _transformer.Model.Explain(_data, "Etikett"));
        AssertFails("no feature column 'Merkmale'", () => _transformer.Model.Explain(_data, label, "Merkmale"));
        AssertFails(
            "no weight column 'Gewicht'",
            () => _transformer.Model.Explain(_data, label, "Features", "Gewicht")
        );
        AssertFails("'Weight' must be a key", () => _transformer.Model.Explain(_data, "Weight"));
        IDataView wide = _context.Transforms.Concatenate("Wide", "Features", "Weight").Fit(_data).Transform(_data);
        AssertFails("'Wide' must be a vector of the 4 features", () => _transformer.Model.Explain(wide, label, "Wide"));

        IDataView none = _context.Data.FilterRowsByColumn(_data, "Weight", lowerBound: 1e9);
        StringAssert.Contains(
            Samples.Failure<InvalidOperationException>(() => _transformer.Model.Explain(none, label)),
            "'Features'"
        );

        static void AssertFails(string part, Action action) =>
            StringAssert.Contains(Samples.Failure<ArgumentOutOfRangeException>(action), part);
    }

    [TestMethod]
    public void Keys_that_stand_for_other_classes_are_refused()
    {
        // Keys are numbered as labels appear: the first row is green here, and red in the training.
        IDataView other = Samples.View(_context, Samples.Rows()[1..]);
        StringAssert.Contains(
            Samples.Failure<ArgumentOutOfRangeException>(() =>
                _context.MulticlassClassification.ExplainInfomorphic(_transformer, other)
            ),
            "Class 1 of the label column 'Label' is green, and red in the data that the model was trained on"
        );
    }

    private NetworkInsight Explain(IDataView data) => _transformer.Model.Explain(data, "Label");
}
