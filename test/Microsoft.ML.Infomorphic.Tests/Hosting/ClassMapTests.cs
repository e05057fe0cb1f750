using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class ClassMapTests
{
    private static readonly string[] s_known = ["a", "b", "c"];
    private readonly IExceptionContext _context = new MLContext(1);

    [TestMethod]
    [DataRow("c a", "2 0", "a b c")]
    [DataRow("a b c", "0 1 2", "a b c")]
    [DataRow("b x a y", "1 3 0 4", "a b c x y")]
    [DataRow("x", "3", "a b c x")]
    public void Labels_are_mapped_by_name_and_new_ones_come_last(string labels, string classes, string names)
    {
        ClassMap map = ClassMap.OfTraining(_context, Column(labels), s_known, Values(s_known), 3);

        Assert.AreEqual(classes, string.Join(' ', Enumerable.Range(0, map.LabelCount).Select(label => map[label])));
        Assert.AreEqual(names, string.Join(' ', map.Names!));
        Assert.AreEqual(names, string.Join(' ', map.Values!.Names));
        Assert.AreEqual(map.Names!.Length, map.ClassCount);
    }

    [TestMethod]
    public void Names_that_two_classes_have_are_refused()
    {
        Assert.AreEqual(
            "The label column 'Label' has two classes called 'b', so that classes cannot be told by their names: give them different ones.",
            Samples.Failure<InvalidOperationException>(() =>
                ClassMap.OfTraining(_context, Column("b a b"), s_known, Values(s_known), 3)
            )
        );
        Assert.AreEqual(
            "The model to go on from has two classes called 'a', so that classes cannot be told by their names: give them different ones.",
            Samples.Failure<InvalidOperationException>(() =>
                ClassMap.OfTraining(_context, Column("b a"), ["a", "a"], Values("a", "a"), 2)
            )
        );
    }

    [TestMethod]
    public void Validation_labels_without_names_are_numbered_as_those_of_the_training_data()
    {
        ClassMap map = ClassMap.OfTraining(_context, Column("c a"), s_known, Values(s_known), 3);

        Assert.AreSame(map, map.OfValidation(_context, Unnamed(2)));
        Assert.AreEqual(
            "The validation data has 3 classes, and the training data has 2.",
            Samples.Failure<InvalidOperationException>(() => map.OfValidation(_context, Unnamed(3)))
        );
    }

    private static LabelValues Values(params string[] names) => LabelValues.Of(Column(string.Join(' ', names)))!;

    private static DataViewSchema.Column Unnamed(int count)
    {
        var schema = new DataViewSchema.Builder();
        schema.AddColumn("Label", new KeyDataViewType(typeof(uint), count));
        return schema.ToSchema()[0];
    }

    private static DataViewSchema.Column Column(string names)
    {
        ReadOnlyMemory<char>[] values = [.. names.Split(' ').Select(name => name.AsMemory())];
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add<VBuffer<ReadOnlyMemory<char>>>(
            AnnotationUtils.Kinds.KeyValues,
            new VectorDataViewType(TextDataViewType.Instance, values.Length),
            (ref VBuffer<ReadOnlyMemory<char>> buffer) =>
                new VBuffer<ReadOnlyMemory<char>>(values.Length, values).CopyTo(ref buffer)
        );
        var schema = new DataViewSchema.Builder();
        schema.AddColumn("Label", new KeyDataViewType(typeof(uint), values.Length), annotations.ToAnnotations());
        return schema.ToSchema()[0];
    }
}
